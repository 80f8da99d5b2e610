"""Backups of a server. Every call raises ApiProblem or ApiAway."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zpack.client.http import Connection

POLL_SECONDS = 0.5


def _path(server_id: str) -> str:
    return f"/api/game/servers/{server_id}/backups"


async def list_backups(connection: Connection, server_id: str) -> dict[str, Any]:
    """Return ``{backups, operation?}``."""
    return await connection.call("GET", _path(server_id))


async def create(connection: Connection, server_id: str, label: str | None) -> dict[str, Any]:
    """Return ``{backup}``, or ``{operation}`` of one that takes longer."""
    return await connection.call("POST", _path(server_id), body={"label": label} if label else {})


async def restore(connection: Connection, server_id: str, backup_id: str) -> dict[str, Any]:
    """Begin a restore; return ``{operation, restored}``."""
    return await connection.call("POST", f"{_path(server_id)}/restore", params={"id": backup_id})


async def delete(connection: Connection, server_id: str, backup_id: str) -> dict[str, Any]:
    """Delete one."""
    return await connection.call("DELETE", f"{_path(server_id)}/{backup_id}")


async def follow(connection: Connection, server_id: str, operation_id: str) -> AsyncIterator[dict[str, Any]]:
    """Yield ``{message, operation}`` until the operation has ended."""
    while True:
        status = await connection.call("GET", f"/api/servers/{server_id}/status")
        operation = (await list_backups(connection, server_id)).get("operation") or {}
        yield {"message": status.get("operationMessage") or "", "operation": operation}
        if operation.get("id") != operation_id or operation.get("state") != "running":
            return
        await asyncio.sleep(POLL_SECONDS)
