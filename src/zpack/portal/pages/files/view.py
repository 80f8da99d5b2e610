"""``/servers/{id}/files``: a server's folders, a text editor, uploads, downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.portal.api import Problem
from zpack.portal.pages.files import names, offers
from zpack.portal.pages.files.answers import ask
from zpack.portal.pages.files.refusals import explained
from zpack.portal.routes import Pages
from zpack.portal.server import Server, framed, server_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
UNREADABLE = {"not_text", "too_large"}
CHANGED = 412
GONE: dict[str, Any] = {"type": "file", "size": 0, "modified": None, "hasShadow": False}
"""Stands for a file that was removed while somebody was editing it: what they typed is still shown."""


def root_of(server: Server) -> str:
    """Return where the API has the files of a server."""
    return f"/api/{'dev' if server.is_dev else 'servers'}/{server.id}/files"


@pages.get("/servers/{id}/files")
async def browse(visit: Visit) -> Response:
    """Show a folder."""
    server = await server_of(visit)
    path = visit.query.get("path", "").strip("/")
    try:
        found, problem = await ask(visit, root_of(server), "list", path), None
    except Problem as refusal:
        found, problem = {"entries": [], "truncated": False}, explained(refusal, visit.texts)
    return _framed(visit, server, "files/files.html", path, found=found, problem=problem)


@pages.get("/servers/{id}/files/edit")
async def edit(visit: Visit) -> Response:
    """Open a file."""
    return await _editor(visit, await server_of(visit), visit.query.get("path", ""))


@pages.post("/servers/{id}/files/edit")
async def save(visit: Visit) -> Response:
    """Save what a form holds."""
    server, form = await server_of(visit), visit.form
    content = form.get("content", "").replace("\r\n", "\n")
    if form.get("newline") == "crlf":
        content = content.replace("\n", "\r\n")
    path, etag = form.get("path", ""), form.get("etag", "")
    read = {"if-match": etag} if etag else {}
    try:
        await visit.api.call(
            "PUT", root_of(server), query={"path": path}, body=content.encode(), headers=read
        )
    except Problem as problem:
        return await _editor(visit, server, path, problem=explained(problem, visit.texts), typed=content)
    return visit.redirect(names.at(server.base, "edit", path), notice=visit.texts("Saved."))


@pages.put("/servers/{id}/files/edit", raw=True)
async def save_from_editor(visit: Visit) -> Response:
    """Pass on what the editor sends, and which version it was made of."""
    return visit.api.relay(visit.request, root_of(await server_of(visit)))


@pages.post("/servers/{id}/files/revert")
async def revert(visit: Visit) -> Response:
    """Put back what a file held before it was first changed."""
    server, path = await server_of(visit), visit.form.get("path", "")
    try:
        await visit.api.call("POST", f"{root_of(server)}/revert", query={"path": path})
    except Problem as problem:
        raise explained(problem, visit.texts) from problem
    return visit.redirect(names.at(server.base, "edit", path), notice=visit.texts("The old content is back."))


@pages.get("/servers/{id}/files/rename")
async def ask_rename(visit: Visit) -> Response:
    """Ask for a file's new name."""
    path = visit.query.get("path", "")
    return _framed(
        visit, await server_of(visit), "files/rename.html", path, to=names.plain(path), problem=None
    )


@pages.post("/servers/{id}/files/rename")
async def rename(visit: Visit) -> Response:
    """Give a file or folder another name or folder."""
    server, path, to = await server_of(visit), visit.form.get("path", ""), visit.form.get("to", "").strip()
    asked = {"path": path, "to": to, "overwrite": visit.form.get("overwrite") == "true"}
    try:
        await visit.api.call("POST", f"{root_of(server)}/move", query=asked)
    except Problem as problem:
        told = explained(problem, visit.texts)
        return _framed(visit, server, "files/rename.html", path, status=told.status, to=to, problem=told)
    return visit.redirect(names.at(server.base, "", names.parent(to)), notice=visit.texts("Renamed."))


@pages.get("/servers/{id}/files/delete")
async def ask_delete(visit: Visit) -> Response:
    """Ask whether to delete a file or folder."""
    server, path = await server_of(visit), visit.query.get("path", "")
    try:
        about = await ask(visit, root_of(server), "stat", path)
    except Problem as problem:
        raise explained(problem, visit.texts) from problem
    return _framed(visit, server, "files/delete.html", path, about=about)


@pages.post("/servers/{id}/files/delete")
async def delete(visit: Visit) -> Response:
    """Delete a file or folder."""
    server, path = await server_of(visit), visit.form.get("path", "")
    try:
        await visit.api.delete(root_of(server), path=path)
    except Problem as problem:
        raise explained(problem, visit.texts) from problem
    return visit.redirect(names.at(server.base, "", names.parent(path)), notice=visit.texts("Deleted."))


@pages.post("/servers/{id}/files/new")
async def create(visit: Visit) -> Response:
    """Create an empty file, or a folder."""
    server, folder = await server_of(visit), visit.form.get("folder", "")
    path = names.beneath(folder, visit.form.get("name", ""))
    is_folder = visit.form.get("kind") == "folder"
    try:
        await _create(visit, server, path, is_folder=is_folder)
    except Problem as problem:
        raise explained(problem, visit.texts) from problem
    to = names.at(server.base, "" if is_folder else "edit", path)
    return visit.redirect(to, notice=visit.texts("Created."))


@pages.post("/servers/{id}/files/upload", raw=True)
async def upload(visit: Visit) -> Response:
    """Pass an upload on as it comes."""
    return visit.api.relay(visit.request, f"{root_of(await server_of(visit))}/upload")


@pages.get("/servers/{id}/files/download")
async def download(visit: Visit) -> Response:
    """Pass a file on as it comes, or the range asked for."""
    return visit.api.relay(visit.request, f"{root_of(await server_of(visit))}/download")


async def _create(visit: Visit, server: Server, path: str, *, is_folder: bool) -> None:
    if is_folder:
        await visit.api.call("POST", f"{root_of(server)}/folder", query={"path": path})
        return
    new = {"if-none-match": "*"}
    try:
        await visit.api.call("PUT", root_of(server), query={"path": path}, body=b"", headers=new)
    except Problem as problem:
        if problem.status != CHANGED:
            raise
        raise Problem(409, {"error": "exists", "message": "exists"}) from problem


async def _editor(
    visit: Visit, server: Server, path: str, *, problem: Problem | None = None, typed: str | None = None
) -> Response:
    root = root_of(server)
    try:
        about = await ask(visit, root, "stat", path)
        if about["type"] == "dir":
            return visit.redirect(names.at(server.base, "", path))
        text, unread = await ask(visit, root, "read", path), None
    except Problem as failure:
        text, unread = None, explained(failure, visit.texts)
        if problem is not None and unread.code == "not_found":
            about, text, unread = GONE, {"content": "", "etag": ""}, None
        elif unread.code not in UNREADABLE:
            raise unread from failure
        else:
            about = await ask(visit, root, "stat", path)
    status = problem.status if problem else 200
    told = {"about": about, "text": text, "unread": unread, "problem": problem, "typed": typed}
    return _framed(visit, server, "files/editor.html", path, status=status, **told)


def _framed(
    visit: Visit, server: Server, template: str, path: str, *, status: int = 200, **told: Any
) -> Response:
    return framed(
        visit, server, template, tab="files", status=status, path=path, names=names, offers=offers, **told
    )
