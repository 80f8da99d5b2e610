"""``/profile/keys``: what programs act with in one's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from zpack.portal.api import Problem
from zpack.portal.routes import Pages

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HOME = "/profile/keys"
DAYS = {"30": 30, "90": 90, "365": 365, "": None}


@pages.get("/profile/keys")
async def show(visit: Visit) -> Response:
    """Show the keys."""
    return await _shown(visit)


@pages.post("/profile/keys")
async def make(visit: Visit) -> Response:
    """Make a key; it is shown this once."""
    days = DAYS.get(visit.form.get("days", ""), 30)
    ends = (datetime.now(UTC) + timedelta(days=days)).isoformat() if days else None
    scopes = [value for name, value in visit.many if name == "scopes"]
    asked = {"name": visit.form.get("name", ""), "scopes": scopes, "expiresAt": ends}
    try:
        made = await visit.api.post("/api/auth/keys", asked)
    except Problem as problem:
        return await _shown(visit, problem)
    return visit.page("profile/key.html", tab="keys", made=made)


@pages.get("/profile/keys/revoke")
async def ask_revoke(visit: Visit) -> Response:
    """Ask whether to revoke a key."""
    keys = (await visit.api.get("/api/auth/keys"))["keys"]
    found = next((key for key in keys if key["id"] == visit.query.get("id")), None)
    if found is None:
        return visit.redirect(HOME, notice=visit.texts("There is no such key."), tone="warn")
    return visit.page("profile/revoke.html", tab="keys", found=found)


@pages.post("/profile/keys/revoke")
async def revoke(visit: Visit) -> Response:
    """Revoke a key: it stops at once."""
    await visit.api.delete(f"/api/auth/keys/{visit.form.get('id', '')}")
    return visit.redirect(HOME, notice=visit.texts("The key is revoked."))


async def _shown(visit: Visit, problem: Problem | None = None) -> Response:
    return visit.page(
        "profile/keys.html",
        status=problem.status if problem else 200,
        tab="keys",
        problem=problem,
        keys=(await visit.api.get("/api/auth/keys"))["keys"],
        form=visit.form if problem else {},
        chosen=[value for name, value in visit.many if name == "scopes"],
    )
