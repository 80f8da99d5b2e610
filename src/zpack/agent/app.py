"""The agent's doors: who may enter is asked once, before any of them; every refusal has one shape."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from aiohttp import web

from zpack.agent.bodies import MAX_BODY
from zpack.agent.logs import request_id
from zpack.agent.problems import Refusal
from zpack.wire.problem import STATUS, Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from aiohttp.typedefs import Handler, Middleware

    from zpack.agent.config.store import Tokens

    Upkeep = Callable[[web.Application], AsyncIterator[None]]

OPEN = frozenset({"/health"})
CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
log = logging.getLogger(__name__)


def journal() -> Middleware:
    """Make the middleware that names what is logged after control's request, and logs what changes things."""

    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("X-Request-Id", "")
        named = request_id.set(given if REQUEST_ID.fullmatch(given) else None)
        try:
            answer = await handler(request)
            if request.method not in LOOKS:
                log.info("%s %s answered %d", request.method, request.path, answer.status)
            return answer
        finally:
            request_id.reset(named)

    return note


def refusals() -> Middleware:
    """Make the middleware that renders what went wrong."""

    @web.middleware
    async def render(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            return _problem(STATUS[refusal.kind], refusal.code, refusal.message)
        except web.HTTPException as error:
            code = CODES.get(error.status, "invalid_request")
            answer = _problem(error.status, code, error.reason)
            if "Allow" in error.headers:
                answer.headers["Allow"] = error.headers["Allow"]
            return answer
        except OSError as error:
            log.exception("%s %s failed", request.method, request.path)
            return _problem(500, "internal", f"the agent cannot store this: {error.strerror}")
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return _problem(500, "internal", "the agent failed; its log has the details")

    return render


def guard(tokens: Tokens) -> Middleware:
    """Make the middleware that asks for the token, everywhere but at the open doors."""

    @web.middleware
    async def ask(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in OPEN:
            tokens.accept(request.headers.get("Authorization"))
        return await handler(request)

    return ask


def create_app(
    *, tokens: Tokens, routes: Sequence[web.RouteDef], upkeep: Sequence[Upkeep] = ()
) -> web.Application:
    """Put the doors together; ``upkeep`` is begun before they open, and ended after they closed."""
    app = web.Application(middlewares=[journal(), refusals(), guard(tokens)], client_max_size=MAX_BODY)
    app.add_routes(routes)
    app.cleanup_ctx.extend(upkeep)
    return app


def _problem(status: int, code: str, message: str) -> web.Response:
    body: Problem = {"error": code, "message": message}
    return web.json_response(body, status=status)
