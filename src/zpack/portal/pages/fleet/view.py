"""``/admin/fleet``: nodes and containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.portal.fleet import glance_at
from zpack.portal.pages.fleet.choosing import Wish, chosen, grouped
from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
SHOWN = 20
"""Operations and audit entries of one container."""


@pages.get("/admin/fleet", Who.ADMIN)
async def show(visit: Visit) -> Response:
    """Show the whole fleet, or again the part of the page that moves."""
    fleet, wish = await visit.api.get("/api/admin/fleet"), Wish.of(visit.query)
    glance = glance_at(fleet)
    found = chosen(glance.containers, wish)
    answer = visit.part if visit.by_htmx else visit.page
    return answer(
        "fleet/fleet.html#live" if visit.by_htmx else "fleet/fleet.html",
        glance=glance,
        groups=grouped(found, wish.group),
        shown=len(found),
        errors=fleet["errors"],
        wish=wish,
    )


@pages.get("/admin/fleet/{vmid:int}", Who.ADMIN)
async def one(visit: Visit) -> Response:
    """Show what is known of one container, also of one that is gone."""
    vmid = visit.path["vmid"]
    fleet = await visit.api.get("/api/admin/fleet")
    values: dict[str, Any] = {
        "vmid": vmid,
        "container": next((one for one in glance_at(fleet).containers if one["vmid"] == vmid), None),
        "errors": fleet["errors"],
        "operations": (await visit.api.get("/api/admin/operations", vmid=vmid, limit=SHOWN))["operations"],
        "logs": (await visit.api.get("/api/admin/audit", vmid=vmid, limit=SHOWN))["logs"],
    }
    if visit.by_htmx:
        return visit.part("fleet/container.html#live", **values)
    return visit.page("fleet/container.html", **values)
