"""Mods of a server. Every call raises ApiProblem or ApiAway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from zpack.client.http import Connection

INSTALL_SECONDS = 600.0
"""An agent may take minutes for a large one."""


async def search(connection: Connection, server_id: str, query: str, *, limit: int) -> list[dict[str, Any]]:
    """Return what fits the server, best first, each with ``installed``."""
    asked = urlencode({"vmid": server_id, "q": query, "limit": limit})
    return (await connection.call("GET", f"/api/game/mods/search?{asked}"))["hits"]


async def list_mods(connection: Connection, server_id: str) -> list[dict[str, Any]]:
    """Return the installed mods."""
    return (await connection.call("GET", _path(server_id)))["mods"]


async def install(
    connection: Connection, server_id: str, project: str, *, version: str | None, with_dependencies: bool
) -> dict[str, Any]:
    """Install a project by id or slug; the answer tells what it requires."""
    body = {"project": project, "withDependencies": with_dependencies}
    wanted = body | ({"version": version} if version else {})
    return await connection.call("POST", f"{_path(server_id)}/install", body=wanted, seconds=INSTALL_SECONDS)


async def switch(connection: Connection, server_id: str, mod_id: str, *, enabled: bool) -> dict[str, Any]:
    """Switch a mod on or off."""
    return await connection.call("PATCH", _path(server_id, mod_id), body={"enabled": enabled})


async def remove(connection: Connection, server_id: str, mod_id: str) -> dict[str, Any]:
    """Put a mod away; the server keeps its file."""
    return await connection.call("DELETE", _path(server_id, mod_id))


def _path(server_id: str, mod_id: str | None = None) -> str:
    path = f"/api/game/servers/{quote(server_id, safe='')}/mods"
    return path if mod_id is None else f"{path}/{quote(mod_id, safe='')}"
