"""``/admin/audit``: who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from zpack.portal.api import Problem
from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HERE = "/admin/audit"
FILTERS = ("actor", "action", "vmid", "since")


@pages.get(HERE, Who.ADMIN)
async def show(visit: Visit) -> Response:
    """List the audit, the newest first; a filter the API refuses is told beside the form."""
    wish = {name: visit.query[name].strip() for name in FILTERS if visit.query.get(name, "").strip()}
    asked = wish | ({"since": f"{wish['since']}T00:00:00Z"} if "since" in wish else {})
    values: dict[str, Any] = {"wish": wish, "base": f"{HERE}?{urlencode(wish)}&before="}
    try:
        found = await visit.api.get("/api/admin/audit", **asked, before=visit.query.get("before"))
    except Problem as problem:
        nothing = {"logs": [], "next": None}
        return visit.page("audit/audit.html", status=problem.status, problem=problem, found=nothing, **values)
    return visit.page("audit/audit.html", problem=None, found=found, **values)
