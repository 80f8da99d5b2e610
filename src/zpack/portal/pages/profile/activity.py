"""``/profile/activity``: what was done in one's name, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.portal.routes import Pages

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
PAGE = 50
DIGITS = 9


@pages.get("/profile/activity")
async def show(visit: Visit) -> Response:
    """Show a page of it, the newest first; an administrator's page is their own, too."""
    assert visit.user is not None  # noqa: S101 - only who is signed in comes here
    told = visit.query.get("before", "")
    before = int(told) if told.isascii() and told.isdigit() and len(told) <= DIGITS and int(told) else None
    found = await visit.api.get("/api/audit", actor=visit.user["id"], before=before, limit=PAGE)
    return visit.page(
        "profile/activity.html", tab="activity", entries=found["entries"], next=found["next"], before=before
    )
