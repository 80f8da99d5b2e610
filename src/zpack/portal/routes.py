"""How pages are declared, and what happens around each: the visitor, the proofs of a mutation, refusals."""

from __future__ import annotations

import logging
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from zpack.portal.api import Api, Problem
from zpack.portal.security import SAFE_METHODS, Forged, check_mutation
from zpack.portal.session import cookie_name, read_session, set_cookie, write_session
from zpack.portal.texts import texts_for
from zpack.portal.visit import TooLarge, Visit, read_form

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from zpack.portal.house import House
    from zpack.portal.rendering import Templates

    Handler = Callable[[Visit], Awaitable[Response]]

log = logging.getLogger("zpack.portal")
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TOO_LARGE = 401, 403, 404, 413


class Who(StrEnum):
    """Who may visit a page. What of it they may see is for the API to say."""

    ANYONE = "anyone"
    SIGNED_IN = "signed in"
    ADMIN = "an administrator"


class NotSignedIn(Exception):
    """The page is for people who are logged in."""


class Pages:
    """The pages of one word. ``raw`` leaves the body to the page: it is passed on as it comes."""

    def __init__(self) -> None:
        self.declared: list[tuple[str, str, Who, bool, Handler]] = []

    def get(self, path: str, who: Who = Who.SIGNED_IN) -> Callable[[Handler], Handler]:
        """Declare what answers GET and HEAD."""
        return self._declare("GET", path, who, raw=False)

    def post(self, path: str, who: Who = Who.SIGNED_IN, *, raw: bool = False) -> Callable[[Handler], Handler]:
        """Declare what answers POST."""
        return self._declare("POST", path, who, raw=raw)

    def put(self, path: str, who: Who = Who.SIGNED_IN, *, raw: bool = False) -> Callable[[Handler], Handler]:
        """Declare what answers PUT; only scripts send it."""
        return self._declare("PUT", path, who, raw=raw)

    def _declare(self, method: str, path: str, who: Who, *, raw: bool) -> Callable[[Handler], Handler]:
        def keep(handler: Handler) -> Handler:
            self.declared.append((method, path, who, raw, handler))
            return handler

        return keep


class Reception:
    """Receives every visitor."""

    def __init__(self, templates: Templates, house: House) -> None:
        self.api: ASGIApp | None = None
        self._templates, self._house = templates, house

    def routes_of(self, pages: Pages) -> list[Route]:
        """Return the routes of some pages."""
        return [
            Route(path, self._endpoint(who, handler, raw=raw), methods=[method])
            for method, path, who, raw, handler in pages.declared
        ]

    async def visit(self, request: Request) -> Visit:
        """Return the visit that a request is."""
        assert self.api is not None, "attach() comes first"  # noqa: S101 - a programming error
        api = Api(self.api, request.scope)
        session = await read_session(request, api)
        texts = texts_for(request.headers.get("accept-language", ""))
        visit = Visit(
            request, api.as_(session.access), session, texts, self._templates.of(texts), self._house
        )
        visit.csrf = request.cookies.get(cookie_name(request, "csrf"), visit.csrf)
        return visit

    async def missing(self, request: Request) -> Response:
        """Answer to an address that leads nowhere, in the frame of who came."""
        visit = await self.visit(request)
        if visit.session.known:
            with suppress(Problem):
                visit.user = await self._user(visit)
        return self._left(visit, refused(visit, NOT_FOUND, visit.texts("There is no such page.")))

    def _endpoint(self, who: Who, handler: Handler, *, raw: bool) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            visit = await self.visit(request)
            try:
                await self._admit(visit, who, raw=raw)
                response = await handler(visit)
            except NotSignedIn:
                response = to_login(visit)
            except Forged:
                message = visit.texts("This page is too old, or was not ours. Load it again.")
                response = refused(visit, FORBIDDEN, message)
            except TooLarge:
                response = refused(visit, TOO_LARGE, visit.texts("That is too much for one form."))
            except Problem as problem:
                response = self._refusal(visit, problem)
            return self._left(visit, response)

        return endpoint

    async def _admit(self, visit: Visit, who: Who, *, raw: bool) -> None:
        request = visit.request
        if request.method not in SAFE_METHODS:
            if not raw:
                visit.many = await read_form(request)
                visit.form = dict(visit.many)
            kept = request.cookies.get(cookie_name(request, "csrf"))
            check_mutation(request, kept, visit.form)
        if visit.session.known:
            visit.user = await self._user(visit)
        if who is not Who.ANYONE and visit.user is None:
            raise NotSignedIn
        if who is Who.ADMIN and not visit.is_admin:
            raise Problem(NOT_FOUND, {"error": "not_found", "message": visit.texts("There is no such page.")})

    async def _user(self, visit: Visit) -> dict[str, object] | None:
        try:
            visit.account = await visit.api.get("/api/auth/me")
            return visit.account["user"]
        except Problem as problem:
            if problem.status != UNAUTHORIZED:
                raise
            visit.session.end()
            return None

    def _refusal(self, visit: Visit, problem: Problem) -> Response:
        if problem.status == UNAUTHORIZED:
            visit.session.end()
            return to_login(visit)
        return refused(visit, problem.status, problem.message, problem)

    def _left(self, visit: Visit, response: Response) -> Response:
        request = visit.request
        write_session(request, response, visit.session)
        if request.cookies.get(cookie_name(request, "csrf")) != visit.csrf:
            set_cookie(request, response, "csrf", visit.csrf)
        return response


def to_login(visit: Visit) -> Response:
    """Send a visitor to the login, and back here afterwards. A page that asks for a part says it itself."""
    if visit.by_htmx:
        return visit.tell(Response(status_code=204), "session-ended")
    url = visit.request.url
    here = url.path + (f"?{url.query}" if url.query else "")
    if visit.request.method != "GET":
        here = "/dashboard"
    return visit.redirect(f"/login?{urlencode({'next': here})}")


def refused(visit: Visit, status: int, message: str, problem: Problem | None = None) -> Response:
    """Tell of a refusal: on a page of its own, or as a notice where htmx asked for a part."""
    if visit.by_htmx:
        response = Response(status_code=status, headers={"hx-reswap": "none"})
        told = {"text": message, "tone": "bad", "unasked": visit.request.method in SAFE_METHODS}
        return visit.tell(response, "notice", **told)
    return visit.page("problem.html", status=status, status_code=status, message=message, problem=problem)
