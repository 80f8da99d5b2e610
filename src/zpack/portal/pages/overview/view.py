"""``/admin``: the platform at a glance, what is wrong first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zpack.portal.fleet import glance_at
from zpack.portal.pages.overview.alarms import alarms
from zpack.portal.routes import Pages, Who
from zpack.portal.server import answered

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
SHOWN = 6
"""Operations of one kind."""
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "numbers": ("/api/admin/overview", {}),
    "fleet": ("/api/admin/fleet", {}),
    "drift": ("/api/admin/drift", {}),
    "active": ("/api/admin/operations", {"active": True, "limit": SHOWN}),
    "failed": ("/api/admin/operations", {"status": "failed", "limit": SHOWN}),
}


@pages.get("/admin", Who.ADMIN)
async def show(visit: Visit) -> Response:
    """Show the platform, or again the part of the page that moves; what does not answer is only missing."""
    found = await asyncio.gather(*(answered(visit.api.get(path, **query)) for path, query in ASKED.values()))
    answers = dict(zip(ASKED, found, strict=True))
    values = {name: answer.value for name, answer in answers.items()}
    values["glance"] = glance_at(values["fleet"]) if values["fleet"] else None
    values["alarms"] = alarms(values)
    values["refusals"] = [answer.problem for answer in found if answer.problem]
    if visit.by_htmx:
        return visit.part("overview/overview.html#live", **values)
    return visit.page("overview/overview.html", **values)


@pages.get("/admin/systems", Who.ADMIN)
async def systems(visit: Visit) -> Response:
    """Show how each foreign system is; the slowest of them decides how long that takes."""
    found = (await visit.api.get("/api/admin/health"))["systems"]
    return visit.part("overview/systems.html", systems=found)
