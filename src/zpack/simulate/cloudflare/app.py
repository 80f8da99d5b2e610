"""The API: who is let in, how often, and the envelope around every answer."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from aiohttp import web

from zpack.simulate.calls import HALF, Calls, bearer_of
from zpack.simulate.cloudflare.records import Wrong
from zpack.simulate.cloudflare.zone import Zone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BASE = "/client/v4"
LIMIT, WINDOW_SECONDS = 1200, 300.0
PER_PAGE, PER_PAGE_MAX = 100, 5_000_000
REFUSED = {
    "error": (500, 10001, "Internal server error."),
    "unauthorized": (401, 10000, "Authentication error"),
    "forbidden": (403, 10000, "Authentication error"),
    "rate_limit": (429, 971, "Please wait and consider throttling your request speed"),
}
PLAN = {
    "id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
    "name": "Free Website",
    "price": 0,
    "currency": "USD",
    "frequency": "",
    "is_subscribed": False,
    "can_subscribe": False,
    "legacy_id": "free",
    "legacy_discount": False,
    "externally_managed": False,
}
PERMISSIONS = ["#dns_records:edit", "#dns_records:read", "#zone:read"]


class Account:
    """The zones of one account, behind its token."""

    def __init__(self, zones: Sequence[str], *, token: str | None = None, limit: int = LIMIT) -> None:
        self.zones = {zone.id: zone for zone in map(Zone, zones)}
        self.calls = Calls(refuse=_refused, token=token)
        self.permissions = list(PERMISSIONS)
        self._token = token
        self._recent: deque[float] = deque(maxlen=limit)

    def zone(self, name: str) -> Zone:
        """Return a zone by its name."""
        return next(zone for zone in self.zones.values() if zone.name == name)

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(middlewares=[self._spoiled, self._enveloped], client_max_size=8 << 20)
        records = f"{BASE}/zones/{{zone}}/dns_records"
        app.add_routes(
            [
                *self.calls.routes(),
                web.get(f"{BASE}/user/tokens/verify", self._verify),
                web.get(f"{BASE}/zones", self._zones),
                web.get(f"{BASE}/zones/{{zone}}", self._zone),
                web.get(records, self._list),
                web.post(records, self._create),
                web.post(f"{records}/batch", self._batch),
                web.get(f"{records}/{{record}}", self._get),
                web.put(f"{records}/{{record}}", self._overwrite),
                web.patch(f"{records}/{{record}}", self._edit),
                web.delete(f"{records}/{{record}}", self._delete),
            ]
        )
        return app

    @web.middleware
    async def _spoiled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return await self.calls.around(request, handler)

    @web.middleware
    async def _enveloped(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in, count, and put every refusal into the envelope."""
        if request.path.startswith("/_simulate/"):
            return await handler(request)
        token = bearer_of(request.headers) or request.headers.get("X-Auth-Key", "")
        if not token or (self._token is not None and token != self._token):
            return _refused("forbidden", 0)
        wait = self._wait()
        if wait > 0:
            return _refused("rate_limit", math.ceil(wait))
        try:
            return await handler(request)
        except Wrong as failure:
            error, status = failure.error, failure.status
        except web.HTTPNotFound:
            error, status = {"code": 7000, "message": "No route for that URI"}, 404
        except web.HTTPMethodNotAllowed:
            error, status = {"code": 10405, "message": "Method not allowed for this URI"}, 405
        return _answer(None, errors=[error], status=status)

    def _wait(self) -> float:
        """Count a call; return the seconds until there may be one again."""
        now = time.monotonic()
        if len(self._recent) == self._recent.maxlen and now - self._recent[0] < WINDOW_SECONDS:
            return WINDOW_SECONDS - (now - self._recent[0])
        self._recent.append(now)
        return 0.0

    def _of(self, request: web.Request) -> Zone:
        ident = request.match_info["zone"]
        if ident not in self.zones:
            message = f"Could not route to /zones/{ident}, perhaps your object identifier is invalid?"
            raise Wrong(7003, message, status=404)
        return self.zones[ident]

    async def _verify(self, request: web.Request) -> web.Response:
        del request
        messages = [{"code": 10000, "message": "This API Token is valid and active", "type": None}]
        return _answer({"id": "f" * 32, "status": "active"}, messages=messages)

    async def _zones(self, request: web.Request) -> web.Response:
        name = request.query.get("name")
        rows = [self._told(zone) for zone in self.zones.values() if name in {None, zone.name}]
        return _page(rows, request)

    async def _zone(self, request: web.Request) -> web.Response:
        return _answer(self._told(self._of(request)))

    async def _list(self, request: web.Request) -> web.Response:
        return _page(self._of(request).select(request.query), request)

    async def _create(self, request: web.Request) -> web.Response:
        return _answer(self._of(request).create(await _body(request)))

    async def _batch(self, request: web.Request) -> web.Response:
        half = request.get(HALF, False)
        return _answer(self._of(request).batch(await _body(request), half=half))

    async def _get(self, request: web.Request) -> web.Response:
        return _answer(self._of(request).find(request.match_info["record"]))

    async def _overwrite(self, request: web.Request) -> web.Response:
        return _answer(self._of(request).overwrite(request.match_info["record"], await _body(request)))

    async def _edit(self, request: web.Request) -> web.Response:
        return _answer(self._of(request).edit(request.match_info["record"], await _body(request)))

    async def _delete(self, request: web.Request) -> web.Response:
        gone = self._of(request).delete(request.match_info["record"])
        return _answer({"id": gone["id"]})

    def _told(self, zone: Zone) -> dict[str, Any]:
        return {
            "id": zone.id,
            "name": zone.name,
            "status": "active",
            "paused": False,
            "type": "full",
            "name_servers": ["a.ns.cloudflare.com", "b.ns.cloudflare.com"],
            "owner": {"id": None, "type": "user", "email": None},
            "account": {"id": "a" * 32, "name": "simulated"},
            "permissions": self.permissions,
            "plan": dict(PLAN),
        }


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError:
        raise Wrong(9207, "Request body is invalid.") from None


def _answer(
    result: Any, *, errors: Any = (), messages: Any = (), status: int = 200, **more: Any
) -> web.Response:
    body = {
        "result": result,
        "success": not errors,
        "errors": list(errors),
        "messages": list(messages),
        **more,
    }
    return web.json_response(body, status=status)


def _page(rows: list[dict[str, Any]], request: web.Request) -> web.Response:
    page, size = _count(request, "page", 1), min(_count(request, "per_page", PER_PAGE), PER_PAGE_MAX)
    part = rows[(page - 1) * size : page * size]
    pages = max(1, math.ceil(len(rows) / size))
    info = {
        "page": page,
        "per_page": size,
        "count": len(part),
        "total_count": len(rows),
        "total_pages": pages,
    }
    return _answer(part, result_info=info)


def _count(request: web.Request, name: str, otherwise: int) -> int:
    text = request.query.get(name, str(otherwise))
    if not text.isdigit() or int(text) < 1:
        raise Wrong(9100, f"Invalid value for {name}.")
    return int(text)


def _refused(what: str, seconds: int) -> web.Response:
    status, code, message = REFUSED[what]
    answer = _answer(None, errors=[{"code": code, "message": message}], status=status)
    if what == "rate_limit":
        answer.headers["Retry-After"] = str(seconds)
    return answer
