"""``/components``: every part in each of its states, in both looks; designers and tests read it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from zpack.portal.api import Problem
from zpack.portal.assets import BUILT, Assets
from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
SYMBOL = re.compile(r'<symbol id="([^"]+)"')
LOOKS = ("light", "dark")
REQUEST = "req_0123456789abcdef"
WRONG = {
    "error": "invalid_field",
    "message": "A user name has 2 to 39 letters, digits, dots, dashes or underscores.",
    "details": {"field": "wrong"},
}
PROBLEMS = {
    "wrong": Problem(400, WRONG),
    "limited": Problem(429, {"error": "too_many_requests", "details": {"retryAfter": 42}}),
    "refused": Problem(409, {"error": "busy", "message": "The server is busy.", "requestId": REQUEST}),
}


@pages.get("/components", Who.ANYONE)
async def show(visit: Visit) -> Response:
    """Show them; nothing here is anybody's data."""
    return visit.page("components/components.html", looks=LOOKS, icons=icons(), problems=PROBLEMS)


@cache
def icons() -> tuple[str, ...]:
    """Return the names of all icons there are."""
    sprite = BUILT / Assets().url("icons.svg").rpartition("/")[2]
    return tuple(SYMBOL.findall(sprite.read_text()))
