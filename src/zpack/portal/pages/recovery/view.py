"""``/forgot-password``, and where mails lead: ``/reset-password``, ``/verify-email``, ``/change-email``.

Opening a link changes nothing, since mail scanners open links too: its page has a button. The token goes from
the address into a cookie at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.portal.api import Problem
from zpack.portal.doors import forget_secret, keep_secret, kept_secret, refused_form
from zpack.portal.routes import Pages, Who

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
UNEQUAL = 400
KEPT_SECONDS = 3600
NO_TOKEN = "invalid_token"  # noqa: S105 - the API's code for one that is no good


@dataclass(frozen=True)
class Link:
    """A kind of mailed link: the cookie that keeps its token, its template, and what the API calls it."""

    name: str
    template: str
    call: str

    @property
    def page(self) -> str:
        """Return its page, which the mails name."""
        return f"/{self.name}"


RESET = Link("reset-password", "recovery/reset.html", "/api/auth/password-reset/confirm")
VERIFY = Link("verify-email", "recovery/verify.html", "/api/auth/verify-email")
CHANGE = Link("change-email", "recovery/change.html", "/api/auth/change-email/confirm")


@pages.get("/forgot-password", Who.ANYONE)
async def ask(visit: Visit) -> Response:
    """Ask for an e-mail address, or say that a link is on its way."""
    sent = "sent" in visit.query
    return visit.page("recovery/forgot.html", problem=None, form={}, sent=sent)


@pages.post("/forgot-password", Who.ANYONE)
async def send(visit: Visit) -> Response:
    """Have a link sent, if there is such an account; the answer is the same for any address."""
    form = {"email": visit.form.get("email", "").strip()}
    try:
        await visit.api.as_(None).post("/api/auth/password-reset/request", form)
    except Problem as problem:
        return refused_form(visit, "recovery/forgot.html", problem, form=form, sent=False)
    return visit.redirect("/forgot-password?sent=1")


@pages.get(RESET.page, Who.ANYONE)
async def show_reset(visit: Visit) -> Response:
    """Ask for a new password."""
    return _opened(visit, RESET)


@pages.post(RESET.page, Who.ANYONE)
async def reset(visit: Visit) -> Response:
    """Set it. Every login has ended with that, the one in this browser too."""
    password = visit.form.get("password", "")
    if visit.form.get("repeated", password) != password:
        message = visit.texts("The two passwords differ.")
        wrong = {"error": "invalid_field", "message": message, "details": {"field": "repeated"}}
        return _shown(visit, RESET, Problem(UNEQUAL, wrong))
    told = visit.texts("Your password is changed. Log in with it.")
    response = await _used(visit, RESET, to="/login", told=told, password=password)
    if response.status_code < UNEQUAL:
        visit.session.end()
    return response


@pages.get(VERIFY.page, Who.ANYONE)
async def show_verify(visit: Visit) -> Response:
    """Ask to confirm an address."""
    return _opened(visit, VERIFY)


@pages.post(VERIFY.page, Who.ANYONE)
async def verify(visit: Visit) -> Response:
    """Confirm it."""
    return await _used(visit, VERIFY, to="/dashboard", told=visit.texts("Your e-mail address is confirmed."))


@pages.post("/verify-email/resend")
async def send_again(visit: Visit) -> Response:
    """Mail another link to an address that is not confirmed yet."""
    try:
        await visit.api.post("/api/auth/verify-email/resend")
    except Problem as problem:
        return _shown(visit, VERIFY, problem)
    told = visit.texts("Another link is on its way. The older ones still work.")
    return visit.redirect("/dashboard", notice=told)


@pages.get(CHANGE.page, Who.ANYONE)
async def show_change(visit: Visit) -> Response:
    """Ask to confirm another address."""
    return _opened(visit, CHANGE)


@pages.post(CHANGE.page, Who.ANYONE)
async def change(visit: Visit) -> Response:
    """Make it the account's."""
    return await _used(visit, CHANGE, to="/profile", told=visit.texts("Your e-mail address is changed."))


def _opened(visit: Visit, link: Link) -> Response:
    """Answer who follows a mailed link: first without the token in the address, then with the page."""
    if "token" in visit.query:
        response = visit.redirect(link.page)
        return keep_secret(visit, response, link.name, visit.query["token"], seconds=KEPT_SECONDS)
    return _shown(visit, link, None)


def _shown(visit: Visit, link: Link, problem: Problem | None) -> Response:
    usable = bool(kept_secret(visit, link.name)) and not (problem and problem.code == NO_TOKEN)
    if problem is None:
        return visit.page(link.template, problem=None, usable=usable)
    response = refused_form(visit, link.template, problem, usable=usable)
    return response if usable else forget_secret(visit, response, link.name)


async def _used(visit: Visit, link: Link, *, to: str, told: str, **more: str) -> Response:
    try:
        asked = {"token": kept_secret(visit, link.name)} | more
        await visit.api.as_(None).post(link.call, asked)
    except Problem as problem:
        return _shown(visit, link, problem)
    return forget_secret(visit, visit.redirect(to, notice=told), link.name)
