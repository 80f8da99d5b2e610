"""Servers that stop when nobody uses them. Every call raises ApiProblem or ApiAway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zpack.client.http import Connection


async def shown(connection: Connection, server_id: str) -> dict[str, Any]:
    """Return what holds for a server, and how it stands."""
    return await connection.call("GET", f"/api/servers/{server_id}/idle")


async def change(connection: Connection, server_id: str, said: dict[str, Any]) -> dict[str, Any]:
    """Say what holds for a server; what is not said stays as it is."""
    known = await shown(connection, server_id)
    body = {**known["own"], "wake": known["wake"], **said}
    return await connection.call("PUT", f"/api/servers/{server_id}/idle", body=body)


async def keep_alive(connection: Connection, server_id: str, minutes: float) -> dict[str, Any]:
    """Keep a server running for so many minutes at least."""
    return await connection.call("POST", f"/api/servers/{server_id}/keep-alive", body={"minutes": minutes})
