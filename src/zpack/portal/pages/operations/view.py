"""``/admin/operations``: what the platform is doing and has done, for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HERE = "/admin/operations"
FILTERS = ("status", "kind", "vmid")


def wished(visit: Visit) -> dict[str, str]:
    """Return the filters of the address that say something."""
    return {name: visit.query[name] for name in FILTERS if visit.query.get(name)}


@pages.get(HERE, Who.ADMIN)
async def show(visit: Visit) -> Response:
    """List operations, the newest first, or again the part of the page that moves."""
    wish, before = wished(visit), visit.query.get("before")
    found = await visit.api.get("/api/admin/operations", **wish, before=before)
    again = urlencode(wish | ({"before": before} if before else {}))
    values: dict[str, Any] = {
        "wish": wish,
        "found": found,
        "base": f"{HERE}?{urlencode(wish)}&before=",
        "again": again,
    }
    if visit.by_htmx:
        return visit.part("operations/operations.html#live", **values)
    return visit.page("operations/operations.html", **values)


@pages.post(HERE + "/{id}/cancel", Who.ADMIN)
async def cancel(visit: Visit) -> Response:
    """Ask an operation to unwind."""
    await visit.api.post(f"/api/operations/{visit.path['id']}/cancel")
    return visit.redirect(HERE, notice=visit.texts("The operation is being cancelled."))


@pages.post(HERE + "/{id}/retry", Who.ADMIN)
async def retry(visit: Visit) -> Response:
    """Run a failed operation again."""
    await visit.api.post(f"/api/operations/{visit.path['id']}/retry")
    return visit.redirect(HERE, notice=visit.texts("The operation runs again."))
