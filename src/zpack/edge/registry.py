"""The registry's HTTP door (contract §6.2): who may be reached under which name."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from aiohttp import web

from zpack.edge.names import Invalid, Target, parse_name, parse_target
from zpack.edge.table import Table, TableFull
from zpack.wire.edge import SECRET_HEADER, Backend, EdgeStatus, hashed_secret

if TYPE_CHECKING:
    from zpack.edge.wakes import Wakes
    from zpack.edge.watch import Watch

MAX_BODY = 8 * 1024
MAX_FIELDS = 16
BODY_SECONDS = 5.0
CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
log = logging.getLogger("zpack.edge.registry")


class Registry:
    """Registers, forgets and lists; whoever asks must know the secret."""

    def __init__(self, *, table: Table, watch: Watch, wakes: Wakes, secret: str) -> None:
        self._table, self._watch, self._wakes = table, watch, wakes
        self._expected = hashed_secret(secret).encode()
        self._own: tuple[str, int] | None = None

    def app(self) -> web.Application:
        """Return the routes."""
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_BODY)
        app.router.add_post("/zpack/register", self._register)
        app.router.add_post("/zpack/unregister", self._unregister)
        app.router.add_get("/zpack/status", self._status)
        return app

    def refuse_target(self, host: str, port: int) -> None:
        """Note the players' own port: registering it would send players round in circles."""
        self._own = (host, port)

    def resume(self) -> None:
        """Tell the API again of everything the table holds."""
        for target in self._table.all():
            if not target.asleep:
                self._watch.begin(target, duplicate=False)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._expected):
            return _error(401, "unauthorized", f"{SECRET_HEADER} is missing or wrong")
        try:
            return await handler(request)
        except (Invalid, TableFull, web.HTTPException, OSError) as error:
            return _refusal(error)

    async def _register(self, request: web.Request) -> web.Response:
        target = parse_target(await _fields(request))
        if (target.address, target.port) == self._own:
            raise Invalid("invalid_address", "that is the edge's own address")
        before = await self._table.put(target)
        if target != before:
            self._wakes.forget(target.name)
        if target.asleep:
            self._watch.forget(target.name)
        else:
            self._watch.begin(target, duplicate=before is not None)
        how = " and sleeps" if target.asleep else ""
        log.info("%s is at %s port %s%s", target.name, target.address, target.port, how)
        return web.json_response({"ok": True, **_backend(target), "duplicate": before is not None})

    async def _unregister(self, request: web.Request) -> web.Response:
        """Lead nobody there any more; who plays already stays until the game server ends it."""
        name = parse_name((await _fields(request)).get("server_name"))
        if await self._table.remove(name) is None:
            return _error(404, "unknown_server", "no server is registered under this name")
        self._watch.forget(name)
        self._wakes.forget(name)
        log.info("%s is gone", name)
        return web.json_response({"ok": True, "name": name})

    async def _status(self, request: web.Request) -> web.Response:
        del request
        targets = self._table.all()
        asleep = [target.name for target in targets if target.asleep]
        status = EdgeStatus(servers=[_backend(target) for target in targets], asleep=asleep)
        return web.json_response(status)


def _backend(target: Target) -> Backend:
    return Backend(name=target.name, address=target.address, port=target.port)


def _refusal(error: Exception) -> web.Response:
    """Return what a caller is told; every refusal has its own stable code."""
    match error:
        case Invalid():
            return _error(400, error.code, str(error))
        case TableFull():
            return _error(507, "table_full", "no more servers can be registered")
        case TimeoutError():
            return _error(408, "body_timeout", "the body did not arrive in time")
        case web.HTTPException():
            return _error(error.status, CODES.get(error.status, "bad_request"), error.reason)
        case _:
            log.error("the table cannot be written: %s", error)
            return _error(503, "table_not_writable", "the registration could not be kept")


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": code, "message": message}, status=status)


async def _fields(request: web.Request) -> dict[str, Any]:
    """Read the body, whichever way it is written. Raises Invalid, TimeoutError, HTTPRequestEntityTooLarge."""
    async with asyncio.timeout(BODY_SECONDS):
        raw = await request.read()
    try:
        text = raw.decode().strip()
        return _json(text) if text.startswith(("{", "[")) else _pairs(text)
    except (ValueError, RecursionError):
        raise Invalid("invalid_body", "the body must be a JSON object or key=value pairs") from None


def _json(text: str) -> dict[str, Any]:
    document: Any = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one way to be malformed
    return cast("dict[str, Any]", document)


def _pairs(text: str) -> dict[str, Any]:
    """Read a form, or the plugin document's ``key=value`` lines."""
    lines = "&".join(line.strip() for line in text.splitlines() if line.strip())
    pairs = parse_qsl(lines, keep_blank_values=True, strict_parsing=True, max_num_fields=MAX_FIELDS)
    return {key.strip(): value.strip() for key, value in pairs}
