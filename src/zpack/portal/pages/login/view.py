"""``/login`` and ``/logout``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.portal.api import Problem
from zpack.portal.routes import Pages, Who
from zpack.portal.security import new_secret
from zpack.portal.visit import local

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HOME = "/dashboard"


@pages.get("/login", Who.ANYONE)
async def show(visit: Visit) -> Response:
    """Ask who it is."""
    if visit.user is not None:
        return visit.redirect(local(visit.query.get("next"), HOME))
    return visit.page("login/login.html", problem=None, form={}, next=local(visit.query.get("next"), HOME))


@pages.post("/login", Who.ANYONE)
async def log_in(visit: Visit) -> Response:
    """Begin a session."""
    to = local(visit.form.get("next"), HOME)
    asked = {name: visit.form.get(name, "") for name in ("identifier", "password")}
    try:
        answer = await visit.api.as_(None).post("/api/auth/login", asked)
    except Problem as problem:
        form = {"identifier": asked["identifier"]}
        return visit.page("login/login.html", status=problem.status, problem=problem, form=form, next=to)
    visit.session.begin(answer)
    visit.csrf = new_secret()
    return visit.redirect(to)


@pages.post("/logout", Who.ANYONE)
async def log_out(visit: Visit) -> Response:
    """End the session, here and in the API."""
    await visit.api.post("/api/auth/logout", {"refreshToken": visit.session.refresh or ""})
    visit.session.end()
    visit.csrf = new_secret()
    return visit.redirect("/", notice=visit.texts("You are logged out."))
