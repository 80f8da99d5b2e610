"""``/admin/health``: whether each system that we need works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.portal.api import Problem
from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
ORDER = ("down", "up", "not_configured")


@pages.get("/admin/health", Who.ADMIN)
async def show(visit: Visit) -> Response:
    """Show every system, or again the part of the page that moves."""
    systems = (await visit.api.get("/api/admin/health"))["systems"]
    values: dict[str, Any] = {
        "systems": sorted(systems, key=lambda one: ORDER.index(one["status"])),
        "edge": await visit.api.get("/api/edge/health"),
        "ready": await _ready(visit),
    }
    if visit.by_htmx:
        return visit.part("health/health.html#live", **values)
    return visit.page("health/health.html", **values)


async def _ready(visit: Visit) -> dict[str, Any]:
    """Return what the API waits for; that it waits at all is a refusal of its own."""
    try:
        return await visit.api.get("/api/ready")
    except Problem as problem:
        return {"ready": False, "waiting": {"api": problem.message}}
