"""``/account-suspended``: why, what is kept, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.portal.routes import Pages

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()


@pages.get("/account-suspended")
async def show(visit: Visit) -> Response:
    """Say how the account stands; who is not suspended reads that all is well."""
    standing = await visit.api.get("/api/billing")
    return visit.page("suspended/suspended.html", standing=standing)
