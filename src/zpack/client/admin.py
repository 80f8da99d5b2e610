"""The drift report and its answers, for administrators. Every call raises ApiProblem or ApiAway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.client.http import Connection

DRIFT = "/api/admin/drift"


async def list_drift(connection: Connection) -> list[dict[str, Any]]:
    """Return where the world and its record differ."""
    return (await connection.call("GET", DRIFT))["drift"]


async def list_repairs(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Return the newest repair events."""
    return (await connection.call("GET", "/api/admin/repairs", params={"limit": str(limit)}))["events"]


async def settle(
    connection: Connection,
    finding: str,
    action: Literal["adopt", "repair", "delete"],
    *,
    dry_run: bool,
    body: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Do something about one difference, or return which calls that would make."""
    path = f"{DRIFT}/{quote(finding, safe='')}/{action}"
    params = {"dryRun": "true"} if dry_run else {}
    return await connection.call("POST", path, body=body, params=params)
