"""The REST door: who calls, which call it is, its faults, its key, and the answer in Stripe's shape."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from zpack.simulate.stripe import forms
from zpack.simulate.stripe.calls import Call
from zpack.simulate.stripe.errors import ApiError, invalid
from zpack.simulate.stripe.idempotency import Keys, Saved
from zpack.simulate.stripe.listing import expanded
from zpack.simulate.stripe.resources.routes import ROUTES

if TYPE_CHECKING:
    import re

    from zpack.simulate.faults import Fault
    from zpack.simulate.stripe.calls import Route
    from zpack.simulate.stripe.world import World

log = logging.getLogger("zpack.simulate.stripe")
BODY_LIMIT = 512 << 10
SERVER_ERROR = 500
VERSION = "Stripe-Version"


@dataclass(frozen=True)
class Request:
    """What matters of a request."""

    method: str
    path: str
    params: str
    key: str | None
    json: bool


class Door:
    """Answers ``/v1`` and ``/v2`` for one account."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._keys = Keys(world.store)
        self._routes: list[tuple[re.Pattern[str], Route]] = [(route.pattern, route) for route in ROUTES]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        ident = f"req_{secrets.token_hex(7)}"
        replayed = False
        fault: Fault | None = None
        try:
            self.admit(request)
            asked = await self._asked(request)
            fault = self._world.faults.take(f"{asked.method} {asked.path}")
            answer, replayed = await self._answer(asked, ident, fault)
        except ApiError as failure:
            answer = Saved(failure.status, {"error": failure.body})
        except web.HTTPException:
            raise
        except Exception:
            log.exception("%s %s", request.method, request.path)
            answer = _broken()
        if fault and fault.do == "lost" and request.transport is not None:
            request.transport.abort()
        return self._response(request, answer, ident, replayed=replayed)

    def admit(self, request: web.Request) -> None:
        """Refuse a caller without a test key. Raises ApiError."""
        given = _key(request.headers.get("Authorization", ""))
        wanted = self._world.settings.key
        if not given:
            raise ApiError(401, "You did not provide an API key.", saved=False)
        known = secrets.compare_digest(given.encode(), wanted.encode()) if wanted else True
        if not known or not given.startswith(("sk_test_", "rk_test_")):
            raise ApiError(401, f"Invalid API Key provided: {given[:8]}****", saved=False)

    async def _asked(self, request: web.Request) -> Request:
        query = request.rel_url.raw_query_string
        kind = request.path.startswith("/v2/") and request.content_type == "application/json"
        try:
            body = (await request.read()).decode()
        except UnicodeDecodeError:
            raise invalid("Invalid request: the body is not UTF-8") from None
        params = body if kind else "&".join(filter(None, (query, body)))
        key = request.headers.get("Idempotency-Key") if request.method != "GET" else None
        return Request(request.method, request.path, params, key, kind)

    async def _answer(self, asked: Request, ident: str, fault: Fault | None) -> tuple[Saved, bool]:
        call, params = f"{asked.method} {asked.path}", asked.params.encode()
        if fault and fault.do == "rate_limit":
            raise ApiError(429, "Request rate limit exceeded.", code="rate_limit", saved=False)
        if asked.key is None:
            return await self._ran(asked, ident, fault), False
        saved = self._keys.begin(asked.key, call, params)
        if saved:
            return saved, True
        kept: Saved | None = None
        try:
            answer = kept = await self._ran(asked, ident, fault)
        except ApiError as failure:
            kept = Saved(failure.status, {"error": failure.body}) if failure.saved else None
            raise
        finally:
            self._keys.finish(asked.key, call, params, kept)
            self._world.store.flush()
        return answer, False

    async def _ran(self, asked: Request, ident: str, fault: Fault | None) -> Saved:
        if fault and fault.seconds:
            await asyncio.sleep(fault.seconds)
        if fault and fault.do == "error":
            return _broken()
        self._world.request = {"id": ident, "idempotency_key": asked.key}
        try:
            body = self._act(asked)
        finally:
            self._world.request = {"id": None, "idempotency_key": None}
            self._world.store.flush()
        return _broken() if fault and fault.do == "error_after" else Saved(200, body)

    def _act(self, asked: Request) -> Any:
        route, path = self._found(asked)
        raw = _object(asked.params) if asked.json else forms.nested(asked.params)
        given = route.form.read(raw) or {}
        answer = route.act(self._world, Call(path, given))
        return expanded(self._world, answer, given.get("expand") or [])

    def _found(self, asked: Request) -> tuple[Route, dict[str, str]]:
        for pattern, route in self._routes:
            match = pattern.fullmatch(asked.path)
            if match and route.method == asked.method:
                return route, match.groupdict()
        raise ApiError(
            404,
            f"Unrecognized request URL ({asked.method}: {asked.path}). The simulation does not know it.",
            saved=False,
        )

    def _response(self, request: web.Request, answer: Saved, ident: str, *, replayed: bool) -> web.Response:
        headers = {
            "Request-Id": ident,
            VERSION: request.headers.get(VERSION, self._world.settings.api_version),
        }
        if key := request.headers.get("Idempotency-Key"):
            headers["Idempotency-Key"] = key
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        body = answer.body
        if "error" in body:
            link = f"https://dashboard.stripe.com/test/logs/{ident}"
            body = {"error": {**body["error"], "request_log_url": link}}
        return web.json_response(body, status=answer.status, headers=headers)


def _key(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, ValueError):
            return ""
    return ""


def _object(text: str) -> Any:
    try:
        return _words(json.loads(text or "{}"))
    except (ValueError, RecursionError):
        raise invalid("Invalid JSON") from None


def _words(value: Any) -> Any:
    """Return JSON with its scalars as a form would carry them."""
    if isinstance(value, dict):
        return {str(key): _words(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_words(inner) for inner in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _broken() -> Saved:
    message = "An unknown error occurred. The simulation failed, on purpose or not."
    return Saved(SERVER_ERROR, {"error": {"type": "api_error", "message": message}})
