"""``/servers/{id}/dev``: the IDE, ports and the idle timer of a dev container."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from zpack.portal.api import Problem
from zpack.portal.progress import under_way
from zpack.portal.routes import Pages
from zpack.portal.server import answered, fragment, framed, server_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.server import Server
    from zpack.portal.visit import Visit

pages = Pages()
ACTIONS = frozenset({"start", "restart", "stop"})


@pages.get("/servers/{id}/dev")
async def show(visit: Visit) -> Response:
    """Show a dev container."""
    server = await server_of(visit)
    return await _show(visit, server) if server.is_dev else visit.redirect(server.base)


@pages.get("/servers/{id}/dev/workspace")
async def workspace(visit: Visit) -> Response:
    """Show the part that changes with it."""
    server = await server_of(visit)
    return fragment(visit, server, "dev/workspace.html", **await _known(visit, server))


@pages.get("/servers/{id}/ide")
async def open_ide(visit: Visit) -> Response:
    """Let the browser into the IDE; only a page of ours, or the person themselves, may lead here."""
    if visit.request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        message = visit.texts("Open the IDE from its own page.")
        raise Problem(403, {"error": "forbidden", "message": message})
    server = await server_of(visit)
    port = visit.query.get("port", "")
    body = {"port": int(port)} if port.isascii() and port.isdigit() else {}
    found = await visit.api.post(f"/api/dev/{server.id}/ide-token", body)
    where = urlsplit(found["url"])
    if where.scheme not in {"http", "https"} or not where.netloc:
        message = visit.texts("This platform gives IDEs no address of their own, so none can be opened here.")
        raise Problem(503, {"error": "ide_not_hosted", "message": message})
    answer = visit.redirect(found["url"])
    answer.headers["referrer-policy"] = "no-referrer"
    return answer


@pages.post("/servers/{id}/dev/ide")
async def switch_ide(visit: Visit) -> Response:
    """Start, stop or restart the IDE."""
    server, action = await server_of(visit), visit.form.get("action", "")
    if action not in ACTIONS:
        raise Problem(400, {"error": "bad_request", "message": visit.texts("There is no such action.")})
    try:
        await visit.api.post(f"/api/dev/{server.id}/codeserver/{action}")
    except Problem as problem:
        return await _show(visit, server, problem=problem)
    return visit.redirect(f"{server.base}/dev", notice=visit.texts("Done."))


@pages.post("/servers/{id}/dev/ports")
async def set_port(visit: Visit) -> Response:
    """Forward a port, for the owner alone or for everybody."""
    server, port = await server_of(visit), visit.form.get("port", "").strip()
    body = {"public": visit.form.get("public") == "true"}
    try:
        await visit.api.put(f"/api/dev/{server.id}/ports/{_port(visit, port)}", body)
    except Problem as problem:
        return await _show(visit, server, port_problem=problem)
    return visit.redirect(f"{server.base}/dev#ports", notice=visit.texts("Saved."))


@pages.post("/servers/{id}/dev/ports/{port:int}/delete")
async def drop_port(visit: Visit) -> Response:
    """Forward a port no more."""
    server = await server_of(visit)
    try:
        await visit.api.delete(f"/api/dev/{server.id}/ports/{visit.path['port']}")
    except Problem as problem:
        return await _show(visit, server, port_problem=problem)
    return visit.redirect(f"{server.base}/dev#ports", notice=visit.texts("The port is closed."))


def _port(visit: Visit, text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    told = {"field": "port", "message": visit.texts("A port is a number.")}
    raise Problem(422, {"message": visit.texts("Nothing was saved."), "details": [told]})


async def _known(visit: Visit, server: Server) -> dict[str, Any]:
    idle, progress = await asyncio.gather(
        answered(visit.api.get(f"/api/servers/{server.id}/idle")),
        under_way(visit, server.view),
    )
    return {"idle": idle, "progress": progress}


async def _show(
    visit: Visit, server: Server, *, problem: Problem | None = None, port_problem: Problem | None = None
) -> Response:
    ports = await answered(visit.api.get(f"/api/dev/{server.id}/ports"))
    refused = problem or port_problem
    return framed(
        *(visit, server, "dev/dev.html"),
        tab="overview",
        status=refused.status if refused else 200,
        ports=ports,
        problem=problem,
        port_problem=port_problem,
        **await _known(visit, server),
    )
