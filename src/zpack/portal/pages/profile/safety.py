"""``/profile/security``: password, second factor, and where one is logged in."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from zpack.portal.api import Problem
from zpack.portal.pages.profile.agents import agent_of
from zpack.portal.routes import UNAUTHORIZED, Pages

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HOME = "/profile/security"
SESSION_OVER = "unauthorized"


@pages.get("/profile/security")
async def show(visit: Visit) -> Response:
    """Show how safe the account is."""
    return await _shown(visit)


@pages.post("/profile/password")
async def change_password(visit: Visit) -> Response:
    """Set another password; every other login ends."""
    asked = {name: visit.form.get(name, "") for name in ("currentPassword", "newPassword")}
    try:
        await visit.api.post("/api/auth/change-password", asked)
    except Problem as problem:
        return await _shown(visit, password=_of_form(problem))
    notice = visit.texts("Your password is changed; every other login has ended.")
    return visit.redirect(HOME, notice=notice)


@pages.post("/profile/second-factor")
async def enrol(visit: Visit) -> Response:
    """Show the secret to scan, and ask for a first code."""
    try:
        made = await visit.api.post(
            "/api/auth/second-factor", {"password": visit.form.get("factorPassword", "")}
        )
    except Problem as problem:
        return await _shown(visit, factor=_of_form(problem))
    return _enrolment(visit, secret=made["secret"], picture=_picture(made["qrSvg"]))


@pages.post("/profile/second-factor/confirm")
async def confirm(visit: Visit) -> Response:
    """Switch it on; show the recovery codes this once."""
    try:
        made = await visit.api.post("/api/auth/second-factor/confirm", {"code": visit.form.get("code", "")})
    except Problem as problem:
        shown = {"secret": visit.form.get("secret", ""), "picture": visit.form.get("picture", "")}
        return _enrolment(visit, _of_form(problem), **shown)
    return visit.page("profile/codes.html", tab="security", codes=made["recoveryCodes"])


@pages.post("/profile/second-factor/disable")
async def disable(visit: Visit) -> Response:
    """Switch it off."""
    word = visit.form.get("code", "").strip()
    asked = {"password": visit.form.get("factorPassword", ""), _kind(word): word}
    try:
        await visit.api.post("/api/auth/second-factor/disable", asked)
    except Problem as problem:
        return await _shown(visit, factor=_of_form(problem))
    return visit.redirect(HOME, notice=visit.texts("The second factor is off."))


@pages.post("/profile/sessions/end")
async def end_session(visit: Visit) -> Response:
    """End one login."""
    await visit.api.call("DELETE", f"/api/auth/sessions/{visit.form.get('id', '')}")
    return visit.redirect(HOME, notice=visit.texts("That login has ended."))


@pages.get("/profile/sessions/end-all")
async def ask_end_all(visit: Visit) -> Response:
    """Ask whether to log out everywhere."""
    return visit.page("profile/end_all.html", tab="security")


@pages.post("/profile/sessions/end-all")
async def end_all(visit: Visit) -> Response:
    """End every login, this one too."""
    await visit.api.post("/api/auth/logout-all")
    visit.session.end()
    return visit.redirect("/login", notice=visit.texts("You are logged out everywhere."))


async def _shown(visit: Visit, password: Problem | None = None, factor: Problem | None = None) -> Response:
    problem = password or factor
    sessions: list[dict[str, Any]] = (await visit.api.get("/api/auth/sessions"))["sessions"]
    return visit.page(
        "profile/security.html",
        status=problem.status if problem else 200,
        tab="security",
        state=await visit.api.get("/api/auth/second-factor"),
        sessions=[(each, agent_of(each["userAgent"] or "")) for each in sessions],
        password=password,
        factor=factor,
    )


def _enrolment(visit: Visit, problem: Problem | None = None, *, secret: str, picture: str) -> Response:
    safe = picture if picture.startswith("data:image/svg+xml;base64,") else ""
    status = problem.status if problem else 200
    return visit.page(
        "profile/enrol.html", status=status, tab="security", secret=secret, picture=safe, problem=problem
    )


def _picture(svg: str) -> str:
    """Return a picture's address; what is loaded as an image runs no script, whatever it holds."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _kind(word: str) -> str:
    return "code" if word.replace(" ", "").isdigit() else "recoveryCode"


def _of_form(problem: Problem) -> Problem:
    """Return a refusal of what was typed. Raises it when it is one of our token: that ends the session."""
    if problem.status == UNAUTHORIZED and problem.code == SESSION_OVER:
        raise problem
    return problem
