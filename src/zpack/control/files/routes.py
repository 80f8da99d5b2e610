"""``…/files``: one table of verbs under both path families (rows S67, S69), and for dev containers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from zpack.control.accounts.access import InFileSession
from zpack.control.files.actions import Files
from zpack.control.files.models import PATH_LIMIT, UPLOAD_LIMIT, WRITE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

FAMILIES = ("/api/game/servers/{server_id}/files", "/api/servers/{server_id}/files")
WORKSPACE = "/api/dev/{server_id}/files"
STREAMED = {
    re.compile(r"PUT /api/(?:(?:game/)?servers|dev)/[^/]+/files"): WRITE_LIMIT,
    re.compile(r"POST /api/(?:(?:game/)?servers|dev)/[^/]+/files/upload"): UPLOAD_LIMIT,
}
"""The routes that read their body as a stream, and how much of it."""


async def files(request: Request) -> Files:
    """Return the room's actions for the type of container that the path is of."""
    of_dev = request.url.path.startswith("/api/dev/")
    return cast("Files", request.app.state.dev_files if of_dev else request.app.state.files)


Room = Annotated[Files, Depends(files)]
Path = Annotated[str, Query(min_length=1, max_length=PATH_LIMIT)]
Folder = Annotated[str, Query(max_length=PATH_LIMIT)]


class Relayed(Response):
    """An answer that sends itself."""

    def __init__(self, run: Callable[[Receive, Send], Awaitable[None]]) -> None:
        super().__init__()
        self._run = run

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._run(receive, send)


async def list_files(server_id: str, session: InFileSession, room: Room, path: Folder = "") -> Any:
    """List a folder; the server's own without ``path``."""
    return await room.look(session, server_id, "list", path)


async def stat_file(server_id: str, session: InFileSession, room: Room, path: Path) -> Any:
    """Say what is known of one file or folder."""
    return await room.look(session, server_id, "stat", path)


async def read_file(server_id: str, session: InFileSession, room: Room, path: Path) -> Any:
    """Return a text file's content."""
    return await room.look(session, server_id, "read", path)


async def download_file(
    server_id: str, session: InFileSession, room: Room, path: Path, request: Request
) -> Response:
    """Send a file, or the range asked for."""

    async def run(receive: Receive, send: Send) -> None:
        await room.download(
            *(session, server_id, path),
            method=request.method,
            headers=request.headers,
            receive=receive,
            send=send,
        )

    return Relayed(run)


async def write_file(
    server_id: str, session: InFileSession, room: Room, path: Path, request: Request
) -> Response:
    """Overwrite a file with the body; ``If-Match`` says which version of it."""
    status, body = await room.write(session, server_id, path, request.receive, headers=request.headers)
    return JSONResponse(body, status_code=status)


async def upload_file(
    server_id: str,
    session: InFileSession,
    room: Room,
    *,
    path: Path,
    request: Request,
    overwrite: bool = False,
) -> Response:
    """Upload one file as multipart/form-data."""
    kind = request.headers.get("content-type", "")
    status, body = await room.upload(
        session, server_id, path, request.receive, overwrite=overwrite, content_type=kind
    )
    return JSONResponse(body, status_code=status)


async def delete_file(server_id: str, session: InFileSession, room: Room, path: Path) -> Any:
    """Remove a file."""
    return await room.delete(session, server_id, path)


async def revert_file(server_id: str, session: InFileSession, room: Room, path: Path) -> Any:
    """Put back what a file held before it was first overwritten."""
    return await room.revert(session, server_id, path)


async def move_file(
    server_id: str, session: InFileSession, room: Room, *, path: Path, to: Path, overwrite: bool = False
) -> Any:
    """Give a file another name or folder."""
    return await room.move(session, server_id, path, to, overwrite=overwrite)


async def make_folder(server_id: str, session: InFileSession, room: Room, path: Path) -> Any:
    """Create a folder."""
    return await room.make_folder(session, server_id, path)


VERBS: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("GET", "", list_files),
    ("GET", "/list", list_files),
    ("GET", "/stat", stat_file),
    ("GET", "/read", read_file),
    ("GET", "/download", download_file),
    ("HEAD", "/download", download_file),
    ("PUT", "", write_file),
    ("DELETE", "", delete_file),
    ("POST", "/revert", revert_file),
    ("POST", "/move", move_file),
    ("POST", "/upload", upload_file),
)


def mounted() -> APIRouter:
    """Return the table under both families, and for workspaces."""
    made = APIRouter(tags=["files"])
    for family in FAMILIES:
        for method, sub_path, verb in VERBS:
            shown = family == FAMILIES[0] and method != "HEAD"
            made.add_api_route(family + sub_path, verb, methods=[method], include_in_schema=shown)
    for method, sub_path, verb in (*VERBS, ("POST", "/folder", make_folder)):
        made.add_api_route(WORKSPACE + sub_path, verb, methods=[method], include_in_schema=method != "HEAD")
    return made


router = mounted()
