"""``/admin/fleet``: nodes and containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.portal.pages.fleet.choosing import Wish, chosen, state_of, with_counts
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
    answer = visit.part if visit.by_htmx else visit.page
    return answer(
        "fleet/fleet.html#live" if visit.by_htmx else "fleet/fleet.html",
        nodes=with_counts(fleet["nodes"], fleet["containers"]),
        containers=chosen(fleet["containers"], wish),
        all=len(fleet["containers"]),
        errors=fleet["errors"],
        wish=wish,
    )


@pages.get("/admin/fleet/{vmid:int}", Who.ADMIN)
async def one(visit: Visit) -> Response:
    """Show what is known of one container, also of one that is gone."""
    vmid = visit.path["vmid"]
    fleet = await visit.api.get("/api/admin/fleet")
    found = next((each for each in fleet["containers"] if each["vmid"] == vmid), None)
    values: dict[str, Any] = {
        "vmid": vmid,
        "container": found and found | {"word": state_of(found)},
        "errors": fleet["errors"],
        "operations": (await visit.api.get("/api/admin/operations", vmid=vmid, limit=SHOWN))["operations"],
        "logs": (await visit.api.get("/api/admin/audit", vmid=vmid, limit=SHOWN))["logs"],
    }
    if visit.by_htmx:
        return visit.part("fleet/container.html#live", **values)
    return visit.page("fleet/container.html", **values)
