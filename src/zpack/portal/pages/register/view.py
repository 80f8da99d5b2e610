"""``/register``: an account, and straight on to the first server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.portal.api import Problem
from zpack.portal.doors import refused_form
from zpack.portal.routes import Pages, Who
from zpack.portal.security import new_secret
from zpack.portal.visit import local

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
FIRST_STEP = "/servers/create"
NAMES = ("email", "username", "firstName", "lastName")
UNEQUAL = 400


@pages.get("/register", Who.ANYONE)
async def show(visit: Visit) -> Response:
    """Ask who it will be."""
    to = local(visit.query.get("next"), FIRST_STEP)
    if visit.user is not None:
        return visit.redirect(to)
    return visit.page("register/register.html", problem=None, form={}, next=to)


@pages.post("/register", Who.ANYONE)
async def register(visit: Visit) -> Response:
    """Create an account and begin its first session."""
    to = local(visit.form.get("next"), FIRST_STEP)
    form = {name: visit.form.get(name, "").strip() for name in NAMES}
    try:
        _check_repeated(visit)
        asked = {name: value for name, value in form.items() if value}
        answer = await visit.api.as_(None).post(
            "/api/auth/register", asked | {"password": visit.form.get("password", "")}
        )
    except Problem as problem:
        return refused_form(visit, "register/register.html", problem, form=form, next=to)
    visit.session.begin(answer)
    visit.csrf = new_secret()
    told = visit.texts("Welcome! A mail to %(email)s asks you to confirm the address.", email=form["email"])
    return visit.redirect(to, notice=told)


def _check_repeated(visit: Visit) -> None:
    """Raise Problem when two passwords differ. Who can look at the first one is asked for no second."""
    password = visit.form.get("password", "")
    if visit.form.get("repeated", password) != password:
        message = visit.texts("The two passwords differ.")
        wrong = {"error": "invalid_field", "message": message, "details": {"field": "repeated"}}
        raise Problem(UNEQUAL, wrong)
