"""``/profile``: who one is; names, nickname and e-mail address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.portal.api import Problem
from zpack.portal.routes import Pages

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HOME = "/profile"
NAMES = ("firstName", "lastName", "displayName")


@pages.get("/profile")
async def show(visit: Visit) -> Response:
    """Show names and address."""
    return _shown(visit)


@pages.post("/profile")
async def rename(visit: Visit) -> Response:
    """Change the names."""
    try:
        await visit.api.patch("/api/auth/me", {name: visit.form.get(name, "") for name in NAMES})
    except Problem as problem:
        return _shown(visit, names=problem)
    return visit.redirect(HOME, notice=visit.texts("Your names are saved."))


@pages.post("/profile/email")
async def change_address(visit: Visit) -> Response:
    """Ask for a link to another address."""
    asked = {name: visit.form.get(name, "") for name in ("email", "currentPassword")}
    try:
        await visit.api.post("/api/auth/change-email", asked)
    except Problem as problem:
        return _shown(visit, address=problem)
    notice = visit.texts("We sent a link to %(email)s. Your address changes when you follow it.")
    return visit.redirect(HOME, notice=notice % {"email": asked["email"]})


@pages.post("/profile/verify")
async def send_again(visit: Visit) -> Response:
    """Mail another link to the present address."""
    try:
        await visit.api.post("/api/auth/verify-email/resend")
    except Problem as problem:
        return _shown(visit, address=problem)
    return visit.redirect(HOME, notice=visit.texts("A new link is on its way to you."))


def _shown(visit: Visit, names: Problem | None = None, address: Problem | None = None) -> Response:
    problem = names or address
    return visit.page(
        "profile/identity.html",
        status=problem.status if problem else 200,
        tab="identity",
        names=names,
        address=address,
        form=visit.form if problem else {},
    )
