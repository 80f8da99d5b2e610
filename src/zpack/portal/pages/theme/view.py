"""Light, dark, or as the system is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.portal.routes import Pages, Who
from zpack.portal.visit import THEMES, local

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
YEAR = 365 * 86400


@pages.post("/theme", Who.ANYONE)
async def choose(visit: Visit) -> Response:
    """Keep the choice in a cookie and show the page again."""
    chosen = visit.form.get("theme", "")
    response = visit.redirect(local(visit.form.get("back"), "/"))
    if chosen in THEMES:
        response.set_cookie("zpack_theme", chosen, max_age=YEAR, httponly=True, samesite="lax")
    return response
