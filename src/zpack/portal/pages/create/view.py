"""``/servers/create``: a new server, and its phases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.portal.progress import followed
from zpack.portal.routes import Pages

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()


@pages.get("/servers/create/{id}")
async def follow(visit: Visit) -> Response:
    """Show an operation until it is over; a page without scripts loads itself again."""
    return visit.page("create/follow.html", progress=await followed(visit, visit.path["id"]))


@pages.get("/servers/create/{id}/progress")
async def progress(visit: Visit) -> Response:
    """Show the operation alone, as any page may have it on it."""
    return visit.part("progress.html", progress=await followed(visit, visit.path["id"]))


@pages.post("/servers/create/{id}/cancel")
async def cancel(visit: Visit) -> Response:
    """Call the operation off."""
    return await _told(visit, "cancel", visit.texts("It is being called off."))


@pages.post("/servers/create/{id}/retry")
async def retry(visit: Visit) -> Response:
    """Run it again."""
    return await _told(visit, "retry", visit.texts("It begins again."))


async def _told(visit: Visit, word: str, notice: str) -> Response:
    operation_id = visit.path["id"]
    await visit.api.post(f"/api/operations/{operation_id}/{word}")
    if not visit.by_htmx:
        return visit.redirect(f"/servers/create/{operation_id}", notice=notice)
    return visit.notify(visit.part("progress.html", progress=await followed(visit, operation_id)), notice)
