"""``/servers/{id}/mods``: what is installed, and a search for more. Titles are the world's: never trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from zpack.portal.api import Problem
from zpack.portal.routes import Pages
from zpack.portal.server import Answer, answered, fragment, framed, server_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.server import Server
    from zpack.portal.visit import Visit

pages = Pages()
NO_MODS = "mods_not_supported"
PAGE = 20


@pages.get("/servers/{id}/mods")
async def show(visit: Visit) -> Response:
    """Show the mods of a server, and what a search found."""
    return await _show(visit, await server_of(visit))


@pages.get("/servers/{id}/mods/found")
async def found(visit: Visit) -> Response:
    """Show what a search found, alone."""
    server = await server_of(visit)
    return fragment(visit, server, "mods/found.html", **await _searched(visit, server))


@pages.post("/servers/{id}/mods/install")
async def install(visit: Visit) -> Response:
    """Install the newest fitting version of a mod, and what it needs."""
    server = await server_of(visit)
    body = {"project": visit.form.get("project", ""), "withDependencies": True}
    try:
        answer = await visit.api.post(f"{_at(server)}/install", body)
    except Problem as problem:
        if visit.by_htmx:
            raise
        return await _show(visit, server, problem=problem)
    names = ", ".join(answer.get("installed") or ())
    notice = visit.texts("Installed: %(names)s. It is loaded at the next start.", names=names)
    return visit.redirect(_back(visit, server), notice=notice)


@pages.post("/servers/{id}/mods/{mod}/switch")
async def switch(visit: Visit) -> Response:
    """Switch a mod on or off."""
    server, enabled = await server_of(visit), visit.form.get("enabled") == "true"
    try:
        await visit.api.patch(_one(visit, server), {"enabled": enabled})
    except Problem as problem:
        return await _show(visit, server, problem=problem)
    texts = visit.texts
    notice = (
        texts("Switched on from the next start.") if enabled else texts("Switched off from the next start.")
    )
    return visit.redirect(f"{server.base}/mods", notice=notice)


@pages.get("/servers/{id}/mods/{mod}/delete")
async def ask_delete(visit: Visit) -> Response:
    """Ask before a mod is removed."""
    server, texts = await server_of(visit), visit.texts
    title = texts("Remove %(name)s?", name=visit.path["mod"])
    text = texts("Worlds that use it may lose what it added. It is gone from the next start.")
    told: dict[str, Any] = {"title": title, "text": text, "yes": texts("Remove mod"), "fields": {}}
    return framed(visit, server, "server-ask.html", tab="mods", back=f"{server.base}/mods", **told)


@pages.post("/servers/{id}/mods/{mod}/delete")
async def delete(visit: Visit) -> Response:
    """Remove a mod."""
    server = await server_of(visit)
    try:
        await visit.api.delete(_one(visit, server))
    except Problem as problem:
        return await _show(visit, server, problem=problem)
    return visit.redirect(f"{server.base}/mods", notice=visit.texts("The mod is removed."))


def _at(server: Server) -> str:
    return f"/api/game/servers/{server.id}/mods"


def _one(visit: Visit, server: Server) -> str:
    return f"{_at(server)}/{visit.path['mod']}"


def _back(visit: Visit, server: Server) -> str:
    words = visit.form.get("q", "")
    return f"{server.base}/mods" + (f"?{urlencode({'q': words}, quote_via=quote)}" if words else "")


async def _show(visit: Visit, server: Server, *, problem: Problem | None = None) -> Response:
    listed = await answered(visit.api.get(_at(server)))
    told: dict[str, Any] = listed.value if isinstance(listed.value, dict) else {}
    mods = [mod for mod in told.get("mods") or () if isinstance(mod, dict) and "id" in mod]
    return framed(
        *(visit, server, "mods/mods.html"),
        tab="mods",
        status=problem.status if problem else 200,
        problem=problem,
        mods=mods,
        list_problem=listed.problem,
        none_here=_takes_none,
        **await _searched(visit, server),
    )


def _takes_none(problem: Problem | None) -> bool:
    """Say whether that is why: in the API's own word, or in the agent's inside its envelope."""
    if problem is None:
        return False
    inner = problem.details.get("error") if isinstance(problem.details, dict) else None
    return NO_MODS in {problem.code, inner}


async def _searched(visit: Visit, server: Server) -> dict[str, Any]:
    words, offset = visit.query.get("q", visit.form.get("q", "")).strip(), visit.query.get("offset", "0")
    wanted = "q" in visit.query or bool(words)
    query = {"vmid": server.id, "q": words, "offset": offset, "limit": PAGE}
    asked = await answered(visit.api.get("/api/game/mods/search", **query)) if wanted else Answer()
    return {"words": words, "hits": asked.value, "search_problem": asked.problem}
