"""``/session``: whether somebody is logged in, for scripts that ask before they try again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from zpack.portal.routes import UNAUTHORIZED, Pages, Who

if TYPE_CHECKING:
    from zpack.portal.visit import Visit

pages = Pages()
NOTHING = 204


@pages.get("/session", Who.ANYONE)
async def ask(visit: Visit) -> Response:
    """Answer 204, or 401 when the session is over."""
    status = UNAUTHORIZED if visit.user is None else NOTHING
    return Response(status_code=status, headers={"cache-control": "no-store"})
