"""Plans, for administrators. Every call raises ApiProblem or ApiAway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.client.http import Connection

PLANS = "/api/admin/plans"
LIMITS = ("gameServers", "devContainers", "memoryMb", "cpus", "diskMb", "backupsPerServer")


async def list_plans(connection: Connection) -> list[dict[str, Any]]:
    """Return every plan, also those that are not offered."""
    return (await connection.call("GET", PLANS))["plans"]


async def set_plan(
    connection: Connection, plan_id: str, terms: Mapping[str, Any], limits: Mapping[str, int | None]
) -> dict[str, Any]:
    """Change the given terms and limits of a plan; make it, with nothing else allowed, when there is none."""
    known = next((plan for plan in await list_plans(connection) if plan["id"] == plan_id), None)
    if known is None:
        fresh = {"id": plan_id, "name": plan_id, "priceCents": 0} | dict(terms)
        body = fresh | {"limits": dict.fromkeys(LIMITS, 0) | dict(limits)}
        return (await connection.call("POST", PLANS, body=body))["plan"]
    kept = {term: value for term, value in known.items() if term != "id"}
    body = kept | dict(terms) | {"limits": known["limits"] | dict(limits)}
    return (await connection.call("PUT", f"{PLANS}/{quote(plan_id, safe='')}", body=body))["plan"]
