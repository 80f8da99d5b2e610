"""Stands before the application: what is asked of an IDE or a port never reaches the API's routes."""

from __future__ import annotations

import logging
import re
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson

from zpack.control.accounts.access import ForeignOrigin
from zpack.control.accounts.auth import BadToken
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.problems import problem_of
from zpack.control.engine.relay_http import ClientGone
from zpack.control.engine.request import current_origin, current_request, origin_of
from zpack.control.ide.cookies import our_cookies
from zpack.control.ide.headers import Client, split_query, texts
from zpack.control.ide.pages import refusal_page, waiting_page, wants_page
from zpack.control.ide.relay import Request

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from zpack.control.ide.admission import Admission, Visit
    from zpack.control.ide.condition import Conditions
    from zpack.control.ide.headers import Pairs
    from zpack.control.ide.places import Asked, Place, Places
    from zpack.control.ide.relay import IdeRelay
    from zpack.control.ide.starting import Wake


log = logging.getLogger("zpack.ide")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
SAFE = {"GET", "HEAD", "OPTIONS"}
ENTERED = {"GET", "HEAD"}
REFUSED_METHODS = {"CONNECT", "TRACE"}
PROBLEM = [("content-type", "application/json"), ("cache-control", "no-store")]
ADMITTING = [("cache-control", "no-store"), ("referrer-policy", "no-referrer")]
"""An answer to an address with a token in it is kept by nobody and told to nobody."""


class MethodRefused(Refusal):
    """A method that is for proxies themselves."""

    code = "method_not_allowed"


@dataclass(frozen=True)
class Border:
    """What is believed and demanded at the border. ``portal`` is where people who cannot pass are sent."""

    origins: frozenset[str]
    secure: bool
    portal: str | None = None

    def check_site(self, method: str, headers: Pairs, place: Place) -> None:
        """Refuse what a page of another host has its visitor's browser do. Raises ForeignOrigin.

        Sibling hosts are of the same site, so SameSite does not keep them apart: a page of one container must
        not post to another, nor draw it into a frame. A client that is no browser names no origin.
        """
        told = dict(headers)
        origin, site = told.get("origin"), told.get("sec-fetch-site", "same-origin")
        own = {f"http://{place.host}", f"https://{place.host}"} | self.origins
        shown = told.get("sec-fetch-mode") == "navigate" and told.get("sec-fetch-dest") == "document"
        foreign = site in {"same-site", "cross-site"} and origin not in self.origins
        if (origin is not None and method not in SAFE and origin.lower() not in own) or (
            foreign and not (shown and method in ENTERED)
        ):
            raise ForeignOrigin("Pages of this site may not use the IDE.")


class IdeGate:
    """The ASGI application around ours."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        places: Places,
        admission: Admission,
        relay: IdeRelay,
        border: Border,
        conditions: Conditions,
        wake: Wake,
    ) -> None:
        self._app = app
        self._places = places
        self._admission = admission
        self._relay = relay
        self._border = border
        self._conditions = conditions
        self._wake = wake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = _named(scope)
        try:
            asked = self._places.of(scope["headers"], scope.get("raw_path") or scope["path"].encode())
            if asked is None:
                await self._app(scope, receive, send)
                return
            await self._serve(asked, scope, receive, send, request_id)
        except ClientGone:
            return
        except (Refusal, ForeignError) as failure:
            if isinstance(failure, ForeignError):
                log.warning("IDE %s: %s", scope["type"], failure.message)
            await self._refuse(failure, scope, send, request_id)

    async def _serve(self, asked: Asked, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        socket = scope["type"] == "websocket"
        method = "SOCKET" if socket else scope["method"]
        headers, place = texts(scope["headers"]), asked.place
        token, query = split_query(scope.get("query_string", b"").decode("latin-1"), place)
        if method in REFUSED_METHODS:
            raise MethodRefused("This method is not passed on.")
        path = asked.path.decode("latin-1") if asked.path is not None else None
        client = _client_of(scope)
        if not socket and (path is None or (token and method in ENTERED)):
            where = place.prefix + (path or "/") + (f"?{query}" if query else "")
            entered = await self._enter(token, headers, place, client) if token else []
            told = [*ADMITTING, ("location", where), ("x-request-id", request_id)]
            await _answer(scope, send, 302, [*told, *entered], b"")
            return
        visit = await self._visit(token if socket else None, headers, place)
        if visit.session is not None:
            self._border.check_site(method, headers, place)
        visit, cookie = self._admission.renewed(visit)
        told = self._cookies(cookie, place, client) if cookie else []
        request = Request(
            *(visit, client, method, path or "/", query, headers), scope, receive, send, request_id, told
        )
        if socket:
            await self._relay.pass_socket(request)
        else:
            await self._pass(request)

    async def _pass(self, asked: Request) -> None:
        """Relay a request; a person whose IDE does not answer is told why, and need not do anything.

        A container that sleeps is woken, if whoever asks is let in by a login.
        """
        try:
            await self._relay.pass_request(asked)
        except ForeignError as failure:
            visit = asked.visit
            woken = visit.session is not None and await self._wake(visit.place.vmid)
            shown = wants_page(asked.method, dict(asked.headers).get("accept"))
            if not shown or not (woken or failure.transient):
                raise
            condition = "waking" if woken else await self._conditions.of(visit)
            log.info("IDE %d: %s (%s)", visit.place.vmid, failure.message, condition)
            headers, body = waiting_page(condition, visit.place, portal=self._border.portal)
            headers = [*headers, ("x-request-id", asked.request_id), *asked.told]
            await _answer(asked.scope, asked.send, HTTPStatus.SERVICE_UNAVAILABLE, headers, body)

    async def _refuse(
        self, failure: Refusal | ForeignError, scope: Scope, send: Send, request_id: str
    ) -> None:
        status, problem = problem_of(failure, request_id)
        headers, body = PROBLEM, orjson.dumps(problem)
        accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
        if wants_page(scope.get("method", "SOCKET"), accept):
            headers, body = refusal_page(problem["error"], request_id, portal=self._border.portal)
        await _answer(scope, send, status, [*headers, ("x-request-id", request_id)], body)

    async def _enter(self, token: str, headers: Pairs, place: Place, client: Client) -> Pairs:
        """Return our cookies for whoever shows a token; nothing new for whoever is in already."""
        try:
            cookie = await self._admission.by_token(token, place)
        except BadToken:
            await self._admission.visit(place, _cookies(headers))
            return []
        return self._cookies(cookie, place, client)

    def _cookies(self, cookie: str, place: Place, client: Client) -> Pairs:
        secure = self._border.secure or client.scheme == "https"
        seconds = self._admission.cookie_seconds
        return [("set-cookie", value) for value in our_cookies(cookie, place, secure=secure, seconds=seconds)]

    async def _visit(self, token: str | None, headers: Pairs, place: Place) -> Visit:
        cookies = _cookies(headers)
        if token is not None:
            cookies = [f"zlh_dev_ide_token={await self._admission.by_token(token, place)}"]
        return await self._admission.visit(place, cookies)


def _client_of(scope: Scope) -> Client:
    """Return who asks; the server has believed the proxies that are trusted, and no others."""
    address = scope["client"][0] if scope.get("client") else ""
    return Client(address, "https" if scope["scheme"] in {"https", "wss"} else "http")


def _cookies(headers: Pairs) -> list[str]:
    return [value for name, value in headers if name == "cookie"]


def _named(scope: Scope) -> str:
    """Name the request as the API's own are named, for logs and the audit."""
    headers = dict(scope["headers"])
    given = headers.get(b"x-request-id", b"")
    request_id = given.decode() if REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(8)}"
    current_request.set(request_id)
    current_origin.set(origin_of(scope.get("client"), headers.get(b"user-agent", b"")))
    return request_id


async def _answer(scope: Scope, send: Send, status: int, headers: Pairs, body: bytes) -> None:
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    raw: list[tuple[bytes, bytes]] = [(n.encode(), v.encode("latin-1")) for n, v in headers]
    raw.append((b"content-length", str(len(body)).encode()))
    start: dict[str, Any] = {"type": f"{kind}.start", "status": status, "headers": raw}
    await send(start)
    await send({"type": f"{kind}.body", "body": b"" if scope.get("method") == "HEAD" else body})
