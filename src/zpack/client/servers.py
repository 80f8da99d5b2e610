"""Servers and the operations that change them. Every call raises ApiProblem or ApiAway."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zpack.client.http import Connection

POLL_SECONDS = 0.3
FINISHED = frozenset({"succeeded", "failed", "cancelled"})


async def list_servers(connection: Connection) -> list[dict[str, Any]]:
    """Return the caller's servers."""
    return (await connection.call("GET", "/api/servers"))["servers"]


async def status(connection: Connection, server_id: str) -> dict[str, Any]:
    """Return one server's live status."""
    return await connection.call("GET", f"/api/servers/{server_id}/status")


async def create(connection: Connection, request: dict[str, Any]) -> dict[str, Any]:
    """Begin a create; sent twice by a retry below us it still makes one server."""
    headers = {"Idempotency-Key": f"cli-{secrets.token_hex(16)}"}
    return await connection.call("POST", "/api/instances", body=request, headers=headers)


async def rename(connection: Connection, server_id: str, name: str | None) -> dict[str, Any]:
    """Give a server a name, or take it away; return the server."""
    return await connection.call("PATCH", f"/api/servers/{server_id}", body={"displayName": name})


async def delete(connection: Connection, server_id: str) -> dict[str, Any]:
    """Delete a stopped server; the answer is final or names an operation."""
    return await connection.call("DELETE", f"/api/containers/{server_id}")


async def game(connection: Connection, server_id: str, action: Literal["start", "stop", "restart"]) -> None:
    """Start, stop or restart the game."""
    await connection.call("POST", f"/api/servers/{server_id}/game/{action}")


async def stop_host(connection: Connection, server_id: str) -> str:
    """Stop the host; return the operation's id."""
    return str((await connection.call("POST", f"/api/servers/{server_id}/host/stop"))["operation"]["id"])


async def follow(connection: Connection, status_url: str) -> AsyncIterator[dict[str, Any]]:
    """Yield an operation each time it has changed, until it has finished."""
    last: dict[str, Any] = {}
    while True:
        operation = (await connection.call("GET", status_url))["operation"]
        if operation != last:
            yield operation
            last = operation
        if operation["status"] in FINISHED:
            return
        await asyncio.sleep(POLL_SECONDS)


async def command(connection: Connection, server_id: str, text: str) -> None:
    """Type one line into the console."""
    await connection.call("POST", f"/api/servers/{server_id}/console/command", body={"command": text})


async def console(connection: Connection, server_id: str, *, after: int, wait: float) -> dict[str, Any]:
    """Return console lines newer than ``after``, waiting up to ``wait`` seconds for some."""
    params = {"after": str(after), "wait": str(wait)}
    return await connection.call("GET", f"/api/servers/{server_id}/console/log", params=params)
