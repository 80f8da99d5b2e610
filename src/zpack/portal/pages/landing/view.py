"""``/`` and the other pages for who has not decided yet: what this is, what it costs, what it promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()


@pages.get("/", Who.ANYONE)
async def show(visit: Visit) -> Response:
    """Show what there is, and the plans."""
    return visit.page("landing/landing.html", offer=await visit.api.get("/api/billing/plans"))


@pages.get("/features", Who.ANYONE)
async def features(visit: Visit) -> Response:
    """Show what can be done, in full."""
    return visit.page("landing/features.html")


@pages.get("/pricing", Who.ANYONE)
async def pricing(visit: Visit) -> Response:
    """Show the plans and all their limits."""
    return visit.page("landing/pricing.html", offer=await visit.api.get("/api/billing/plans"))


@pages.get("/faq", Who.ANYONE)
async def questions(visit: Visit) -> Response:
    """Answer what is asked before anything is bought."""
    return visit.page("landing/faq.html")


@pages.get("/about", Who.ANYONE)
async def about(visit: Visit) -> Response:
    """Say what stands behind it."""
    return visit.page("landing/about.html")


@pages.get("/privacy-policy", Who.ANYONE)
async def privacy(visit: Visit) -> Response:
    """Say which data is kept, why, and for how long."""
    return visit.page("landing/privacy.html")


@pages.get("/terms-of-service", Who.ANYONE)
async def terms(visit: Visit) -> Response:
    """Say what both sides may expect."""
    return visit.page("landing/terms.html")
