"""``/servers``: all of one's servers, live."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from zpack.portal.pages.servers.listing import groups_of
from zpack.portal.progress import progress_of
from zpack.portal.routes import Pages
from zpack.portal.standing import standings, totals_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.progress import Progress
    from zpack.portal.standing import Standing
    from zpack.portal.visit import Visit

pages = Pages()
WHOLE = 50
"""Up to so many servers a page has all their details; of more, each card asks for its own when opened."""
POWERS = {
    f"{what}-{action}": f"{what}/{action}"
    for what in ("game", "host")
    for action in ("start", "stop", "restart")
}


@pages.get("/servers")
async def show(visit: Visit) -> Response:
    """Show every server, those hidden that do not fit ``q``, and those being made."""
    servers, pending = await asyncio.gather(_servers(visit), _pending(visit))
    wanted = visit.query.get("q", "")
    fitting = {server.id for server in servers if server.holds(wanted)}
    return visit.page(
        "servers/servers.html",
        totals=totals_of(servers),
        groups=groups_of(visit.texts, servers, fitting),
        fitting=fitting,
        pending=pending,
        whole=fitting if len(fitting) <= WHOLE else set[str](),
        wanted=wanted,
    )


@pages.get("/servers/cards")
async def cards(visit: Visit) -> Response:
    """Show some cards again, ``ids``, or all; those of ``open`` with their details."""
    servers = await _servers(visit)
    ids, opened = (visit.query.get(name, "") for name in ("ids", "open"))
    among = set(ids.split(","))
    shown = [server for server in servers if not ids or server.id in among]
    return visit.part(
        "servers/cards.html",
        totals=totals_of(servers),
        groups=groups_of(visit.texts, shown, {server.id for server in shown}),
        whole=set(opened.split(",")),
    )


@pages.get("/servers/pending")
async def pending(visit: Visit) -> Response:
    """Show the servers that are being made."""
    return visit.part("servers/pending.html", pending=await _pending(visit))


@pages.post("/servers/power")
async def power(visit: Visit) -> Response:
    """Start, stop or restart a server or its Host."""
    server, wanted = visit.form.get("id", ""), POWERS.get(visit.form.get("action", ""))
    if not server.isdecimal() or wanted is None:
        return visit.redirect("/servers")
    await visit.api.post(f"/api/servers/{server}/{wanted}")
    return visit.redirect("/servers", notice=visit.texts("Done: it is under way."))


async def _servers(visit: Visit) -> list[Standing]:
    return standings(visit.texts, (await visit.api.get("/api/servers"))["servers"])


async def _pending(visit: Visit) -> list[Progress]:
    found = await visit.api.get("/api/operations", active=True, limit=200)
    made = [each for each in found["operations"] if each["kind"] == "instance-create"]
    return [progress_of(visit.texts, each) for each in made]
