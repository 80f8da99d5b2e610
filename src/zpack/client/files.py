"""A server's files. Every call raises ApiProblem or ApiAway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from typing import BinaryIO

    from zpack.client.http import Connection


DEV_IDS = range(6000, 7000)
"""Dev containers have ids of their own (contract §1.3)."""


def at(server_id: str) -> str:
    """Return where the files of a server, or of a dev container's workspace, are."""
    is_dev = server_id.isdecimal() and int(server_id) in DEV_IDS
    return f"/api/dev/{server_id}/files" if is_dev else f"/api/game/servers/{server_id}/files"


async def list_files(connection: Connection, server_id: str, path: str) -> dict[str, Any]:
    """Return a folder's entries."""
    return await connection.call("GET", f"{at(server_id)}/list", params={"path": path})


async def read(connection: Connection, server_id: str, path: str) -> str:
    """Return a text file's content."""
    found = await connection.call("GET", f"{at(server_id)}/read", params={"path": path})
    return str(found.get("content", ""))


async def download(connection: Connection, server_id: str, path: str, target: BinaryIO) -> int:
    """Write a file's bytes to ``target``; return how many."""
    return await connection.fetch(f"{at(server_id)}/download", target, params={"path": path})


async def write(connection: Connection, server_id: str, path: str, source: BinaryIO) -> dict[str, Any]:
    """Overwrite a settings file."""
    return await connection.call("PUT", at(server_id), data=source, params={"path": path})


async def upload(
    connection: Connection, server_id: str, path: str, source: BinaryIO, *, overwrite: bool
) -> dict[str, Any]:
    """Upload a mod or a datapack."""
    form = aiohttp.FormData()
    form.add_field("file", source, filename=path.rpartition("/")[2])
    params = {"path": path, "overwrite": str(overwrite).lower()}
    return await connection.call("POST", f"{at(server_id)}/upload", data=form, params=params)


async def delete(connection: Connection, server_id: str, path: str) -> dict[str, Any]:
    """Remove a file."""
    return await connection.call("DELETE", at(server_id), params={"path": path})


async def revert(connection: Connection, server_id: str, path: str) -> dict[str, Any]:
    """Put back what a settings file held before it was first overwritten."""
    return await connection.call("POST", f"{at(server_id)}/revert", params={"path": path})
