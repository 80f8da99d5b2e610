"""``/dashboard``: awareness only; nothing is done here (contract §12.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.portal.routes import Pages

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()


@pages.get("/dashboard")
async def show(visit: Visit) -> Response:
    """Show how things stand."""
    servers = (await visit.api.get("/api/servers"))["servers"]
    return visit.page("dashboard/dashboard.html", servers=servers)
