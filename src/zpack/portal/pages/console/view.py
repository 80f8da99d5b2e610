"""``/servers/{id}/console``: a server's console, or the shell of a dev environment.

The terminal is the browser's: it fetches a ticket here and opens the API's socket with it, so that no token
is ever in a script's reach. Without scripts there are the last lines and a form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from zpack.portal.api import Problem
from zpack.portal.pages.console.words import words_for
from zpack.portal.routes import Pages
from zpack.portal.server import Server, framed, server_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
SHOWN_LINES = 500
ASKED_TIMES = 8
"""The agent keeps 2,000 lines and tells 500 at a time."""
POWER = ("start", "stop", "restart")


@pages.get("/servers/{id}/console")
async def show(visit: Visit) -> Response:
    """Show the terminal."""
    server = await server_of(visit)
    words = words_for(visit.texts, is_shell=server.is_dev)
    return framed(visit, server, "console/console.html", tab="console", words=words)


@pages.get("/servers/{id}/console/power")
async def power_buttons(visit: Visit) -> Response:
    """Show the buttons as they are now."""
    server = await server_of(visit)
    return visit.part("console/console.html#power", server=server, view=server.view)


@pages.post("/servers/{id}/console/power")
async def power(visit: Visit) -> Response:
    """Start, stop or restart the game; its host stays as it is."""
    action = visit.form.get("action", "")
    if action not in POWER:
        raise Problem(400, {"error": "invalid_body", "message": visit.texts("There is no such action.")})
    await visit.api.post(f"/api/servers/{visit.path['id']}/game/{action}")
    said = {
        "start": visit.texts("The game is starting."),
        "stop": visit.texts("The game is stopping."),
        "restart": visit.texts("The game is restarting."),
    }[action]
    if visit.by_htmx:
        return visit.notify(await power_buttons(visit), said)
    return visit.redirect(_back(visit), notice=said)


@pages.post("/servers/{id}/console/ticket")
async def ticket(visit: Visit) -> Response:
    """Hand the terminal what opens the socket, once and soon; or why there is none, for a script to read."""
    try:
        given = await visit.api.post(f"/api/servers/{visit.path['id']}/console/ticket")
    except Problem as problem:
        said = {"error": problem.code, "message": problem.message, "requestId": problem.request_id}
        return JSONResponse(said, problem.status, headers={"cache-control": "no-store"})
    return JSONResponse(given, headers={"cache-control": "no-store"})


@pages.get("/servers/{id}/console/log")
async def log(visit: Visit) -> Response:
    """Show the last lines, without a script."""
    server = await server_of(visit)
    return await _log(visit, server)


@pages.post("/servers/{id}/console/command")
async def command(visit: Visit) -> Response:
    """Type one line."""
    said = {"command": visit.form.get("command", "")}
    try:
        await visit.api.post(f"/api/servers/{visit.path['id']}/console/command", said)
    except Problem as problem:
        if visit.by_htmx:
            raise
        return await _log(visit, await server_of(visit), problem=problem, typed=said["command"])
    return visit.redirect(f"/servers/{visit.path['id']}/console/log", notice=visit.texts("Sent."))


async def _log(visit: Visit, server: Server, problem: Problem | None = None, typed: str = "") -> Response:
    lines: list[str] = []
    unread = None
    try:
        lines = await _last_lines(visit)
    except Problem as failure:
        unread = failure
    status = problem.status if problem else 200
    told: dict[str, Any] = {"lines": lines, "problem": problem, "unread": unread, "typed": typed}
    return framed(visit, server, "console/log.html", tab="console", status=status, **told)


async def _last_lines(visit: Visit) -> list[str]:
    """Return what the agent still knows, at most so many lines. Raises Problem."""
    lines: list[str] = []
    after = 0
    for _ in range(ASKED_TIMES):
        found = await visit.api.get(f"/api/servers/{visit.path['id']}/console/log", after=after)
        if not isinstance(found, dict) or not isinstance(told := found.get("lines"), list):
            break
        lines += [str(each["line"]) for each in told if isinstance(each, dict) and "line" in each]
        if not told or not isinstance(found.get("next"), int):
            break
        after = found["next"]
    return lines[-SHOWN_LINES:]


def _back(visit: Visit) -> str:
    to = "/console/log" if visit.form.get("from") == "log" else "/console"
    return f"/servers/{visit.path['id']}{to}"
