"""``/``: what this is, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()


@pages.get("/", Who.ANYONE)
async def show(visit: Visit) -> Response:
    """Show the plans."""
    plans = (await visit.api.get("/api/billing/plans")).get("plans", [])
    return visit.page("landing/landing.html", plans=plans)
