"""``/login``, its second step, and ``/logout``. Where to go on to is kept through every step."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from zpack.portal.api import Problem
from zpack.portal.doors import forget_secret, keep_secret, kept_secret, refused_form
from zpack.portal.routes import Pages, Who
from zpack.portal.security import new_secret
from zpack.portal.visit import local

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HOME = "/dashboard"
CHALLENGE = "challenge"
OVER = {"invalid_challenge", "second_factor_missing"}


@pages.get("/login", Who.ANYONE)
async def show(visit: Visit) -> Response:
    """Ask who it is."""
    to = local(visit.query.get("next"), HOME)
    if visit.user is not None:
        return visit.redirect(to)
    return visit.page("login/login.html", problem=None, form={}, next=to)


@pages.post("/login", Who.ANYONE)
async def log_in(visit: Visit) -> Response:
    """Begin a session, or ask for the second factor."""
    to = local(visit.form.get("next"), HOME)
    asked = {name: visit.form.get(name, "") for name in ("identifier", "password")}
    try:
        answer = await visit.api.as_(None).post("/api/auth/login", asked)
    except Problem as problem:
        if problem.code == "second_factor_required":
            return _ask_second(visit, problem, to)
        form = {"identifier": asked["identifier"]}
        return refused_form(visit, "login/login.html", problem, form=form, next=to)
    return _admit(visit, answer, to)


@pages.get("/login/second-factor", Who.ANYONE)
async def show_second(visit: Visit) -> Response:
    """Ask for a code."""
    to = local(visit.query.get("next"), HOME)
    if visit.user is not None:
        return visit.redirect(to)
    if not kept_secret(visit, CHALLENGE):
        return visit.redirect(_login(to))
    return visit.page("login/second_factor.html", problem=None, recovery=False, next=to)


@pages.post("/login/second-factor", Who.ANYONE)
async def complete(visit: Visit) -> Response:
    """Begin a session with a code of the authenticator, or one of the recovery codes."""
    to = local(visit.form.get("next"), HOME)
    shown = {name: visit.form[name] for name in ("code", "recoveryCode") if visit.form.get(name)}
    asked = {"challenge": kept_secret(visit, CHALLENGE)} | shown
    try:
        answer = await visit.api.as_(None).post("/api/auth/login/second-factor", asked)
    except Problem as problem:
        if problem.code in OVER:
            late = visit.texts("That took too long. Log in once more.")
            return forget_secret(visit, visit.redirect(_login(to), notice=late, tone="warn"), CHALLENGE)
        recovery = "recoveryCode" in visit.form
        return refused_form(visit, "login/second_factor.html", problem, recovery=recovery, next=to)
    return forget_secret(visit, _admit(visit, answer, to), CHALLENGE)


@pages.post("/logout", Who.ANYONE)
async def log_out(visit: Visit) -> Response:
    """End the session, here and in the API."""
    await visit.api.post("/api/auth/logout", {"refreshToken": visit.session.refresh or ""})
    visit.session.end()
    visit.csrf = new_secret()
    return visit.redirect("/", notice=visit.texts("You are logged out."))


def _login(to: str) -> str:
    return f"/login?{urlencode({'next': to})}"


def _ask_second(visit: Visit, problem: Problem, to: str) -> Response:
    response = visit.redirect(f"/login/second-factor?{urlencode({'next': to})}")
    found = problem.details
    return keep_secret(visit, response, CHALLENGE, found["challenge"], seconds=int(found["expiresIn"]))


def _admit(visit: Visit, answer: dict[str, str], to: str) -> Response:
    visit.session.begin(answer)
    visit.csrf = new_secret()
    return visit.redirect(to)
