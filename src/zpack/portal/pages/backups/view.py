"""``/servers/{id}/backups``. Whether the game is ready does not matter; the agent says what it cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zpack.portal.api import Problem
from zpack.portal.routes import Pages
from zpack.portal.server import answered, fragment, framed, server_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.server import Server
    from zpack.portal.visit import Visit

pages = Pages()


@pages.get("/servers/{id}/backups")
async def show(visit: Visit) -> Response:
    """Show the backups of a server."""
    return await _show(visit, await server_of(visit))


@pages.get("/servers/{id}/backups/list")
async def listed(visit: Visit) -> Response:
    """Show the list alone, as it is asked for again."""
    server = await server_of(visit)
    return fragment(visit, server, "backups/list.html", **await _found(visit, server))


@pages.post("/servers/{id}/backups")
async def create(visit: Visit) -> Response:
    """Back the server up."""
    server, label = await server_of(visit), visit.form.get("label", "").strip()
    try:
        answer = await visit.api.post(_at(server), {"label": label} if label else {})
    except Problem as problem:
        return await _show(visit, server, problem=problem)
    texts = visit.texts
    notice = texts("The backup is made.") if "backup" in answer else texts("The backup is being made.")
    return visit.redirect(f"{server.base}/backups", notice=notice)


@pages.get("/servers/{id}/backups/{backup}/restore")
async def ask_restore(visit: Visit) -> Response:
    """Ask before the files of a server are replaced."""
    texts = visit.texts
    text = texts(
        "Its files become what they were then. What is there now is kept as a checkpoint first,"
        " so that you can come back. The game stops meanwhile and starts again."
    )
    return await _ask(visit, texts("Restore this backup?"), text, texts("Restore"))


@pages.post("/servers/{id}/backups/{backup}/restore")
async def restore(visit: Visit) -> Response:
    """Begin to restore a backup."""
    server = await server_of(visit)
    try:
        await visit.api.call("POST", f"{_at(server)}/restore", query={"id": visit.path["backup"]})
    except Problem as problem:
        return await _show(visit, server, problem=problem)
    notice = visit.texts("The restore has begun. A checkpoint of what was there is made first.")
    return visit.redirect(f"{server.base}/backups", notice=notice)


@pages.get("/servers/{id}/backups/{backup}/delete")
async def ask_delete(visit: Visit) -> Response:
    """Ask before a backup is deleted."""
    texts = visit.texts
    return await _ask(
        visit, texts("Delete this backup?"), texts("It cannot be brought back."), texts("Delete backup")
    )


@pages.post("/servers/{id}/backups/{backup}/delete")
async def delete(visit: Visit) -> Response:
    """Delete a backup."""
    server = await server_of(visit)
    try:
        await visit.api.delete(f"{_at(server)}/{quote(visit.path['backup'], safe='')}")
    except Problem as problem:
        return await _show(visit, server, problem=problem)
    return visit.redirect(f"{server.base}/backups", notice=visit.texts("The backup is deleted."))


def _at(server: Server) -> str:
    return f"/api/game/servers/{server.id}/backups"


async def _found(visit: Visit, server: Server) -> dict[str, Any]:
    found = await answered(visit.api.get(_at(server)))
    told: dict[str, Any] = found.value if isinstance(found.value, dict) else {}
    backups = [one for one in told.get("backups") or () if isinstance(one, dict) and "id" in one]
    return {"backups": backups, "operation": told.get("operation"), "list_problem": found.problem}


async def _show(visit: Visit, server: Server, *, problem: Problem | None = None) -> Response:
    usage = await answered(visit.api.get("/api/billing"))
    most = ((usage.value or {}).get("limits") or {}).get("backupsPerServer")
    return framed(
        *(visit, server, "backups/backups.html"),
        tab="backups",
        status=problem.status if problem else 200,
        problem=problem,
        label=visit.form.get("label", ""),
        most=most,
        **await _found(visit, server),
    )


async def _ask(visit: Visit, title: str, text: str, yes: str) -> Response:
    server = await server_of(visit)
    told: dict[str, Any] = {"title": title, "text": text, "yes": yes, "fields": {}}
    return framed(visit, server, "server-ask.html", tab="backups", back=f"{server.base}/backups", **told)
