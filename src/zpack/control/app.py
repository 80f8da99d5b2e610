"""The ASGI application: mounts the rooms' routes, renders every error, refuses to start with a hole."""

from __future__ import annotations

import json
import logging
import re
import secrets
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from zpack.control.accounts.access import PUBLIC, RULES
from zpack.control.accounts.routes import router as accounts
from zpack.control.catalog.routes import router as catalog
from zpack.control.console.routes import router as console
from zpack.control.dev.routes import router as dev
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.problems import problem_of
from zpack.control.engine.request import current_request
from zpack.control.events.routes import router as events
from zpack.control.instances.routes import router as instances
from zpack.control.operations.routes import router as operations
from zpack.control.power.routes import router as power
from zpack.control.provisioning.routes import router as provisioning
from zpack.control.publishing.routes import router as publishing
from zpack.control.status.routes import router as status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from fastapi.dependencies.models import Dependant
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from zpack.control.wiring import Api

log = logging.getLogger("zpack.api")
BODY_LIMIT = 1 << 20
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
ROUTERS = (
    operations, accounts, catalog, provisioning, instances, status, events, power, console, publishing,
    dev,
)  # fmt: skip
FRAMEWORK_PAGES = {"/openapi.json", "/docs", "/docs/oauth2-redirect"}
HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


class RouteWithoutRule(Exception):
    """A route names no access rule; the application must not serve it."""


def create_app(
    api: Api, *, ready: Callable[[], Awaitable[dict[str, str]]], cors_origins: tuple[str, ...]
) -> FastAPI:
    """Build the application. Raises RouteWithoutRule.

    ``ready`` returns what is not ready yet, by name, with its reason; empty means ready.
    """
    app = FastAPI(title="zpack", version="0.1.0", docs_url="/docs", redoc_url=None)
    for entry in fields(api):
        setattr(app.state, entry.name, getattr(api, entry.name))
    app.state.ready = ready
    for router in (health_router(), *ROUTERS):
        app.include_router(router)
    _render_errors(app)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(cors_origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        allow_headers=["Content-Type", "Authorization", "Idempotency-Key"],
        allow_credentials=False,
    )
    app.add_middleware(Guard)
    missing = [path for path, rule in access_rules(app) if rule is None]
    if missing:
        raise RouteWithoutRule(f"routes without an access rule: {', '.join(missing)}")
    return app


def health_router() -> APIRouter:
    """Return liveness and readiness."""
    router = APIRouter(prefix="/api", tags=["health"], dependencies=PUBLIC)

    @router.get("/health")
    async def health() -> dict[str, Any]:
        """Say that the process answers."""
        return {"status": "ok", "service": "zpack-api", "time": datetime.now(UTC).isoformat()}

    @router.get("/ready")
    async def ready(request: Request) -> Any:
        """Say whether requests can be served: 200, or 503 with what is missing."""
        waiting = await request.app.state.ready()
        body = {"ready": not waiting, "waiting": waiting}
        return JSONResponse(body, status_code=503 if waiting else 200)

    _ = (health, ready)
    return router


def access_rules(app: FastAPI) -> Iterator[tuple[str, str | None]]:
    """Yield every API route with its access rule, or None when it names none."""
    for route in _api_routes(app.routes):
        found = {RULES[call] for call in _calls(route.dependant) if call in RULES}
        rule = "+".join(sorted(found)) or None
        for method in sorted(route.methods or ()):
            yield f"{method} {route.path}", rule


def _api_routes(routes: Any) -> Iterator[APIRoute]:
    """Yield the API's routes, also those inside an included router. Raises RouteWithoutRule.

    Whatever else is mounted must be one of the framework's own pages; a kind of route we do not know could
    carry routes we do not see.
    """
    for route in routes:
        inner = getattr(route, "original_router", None)
        if isinstance(route, APIRoute):
            yield route
        elif inner is not None:
            yield from _api_routes(inner.routes)
        elif getattr(route, "path", None) not in FRAMEWORK_PAGES:
            raise RouteWithoutRule(f"a route of unknown kind: {route!r}")


def _calls(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def _render_errors(app: FastAPI) -> None:
    async def ours(request: Request, failure: Exception) -> JSONResponse:
        code, body = problem_of(failure, request.state.request_id)
        if isinstance(failure, ForeignError):
            log.warning("%s %s: %s", request.method, request.url.path, failure.message)
        return JSONResponse(body, status_code=code, headers=_retry_after(body))

    async def malformed(request: Request, failure: Exception) -> JSONResponse:
        assert isinstance(failure, RequestValidationError)  # noqa: S101 - registered for it alone
        details = [
            {"field": ".".join(str(part) for part in error["loc"][1:]), "message": error["msg"]}
            for error in failure.errors()
        ]
        message = "; ".join(f"{d['field'] or 'body'}: {d['message']}" for d in details)[:500]
        body = {"error": "invalid_request", "message": message, "details": details[:20]}
        return JSONResponse({**body, "requestId": request.state.request_id}, status_code=400)

    async def framework(request: Request, failure: Exception) -> JSONResponse:
        assert isinstance(failure, HTTPException)  # noqa: S101 - registered for it alone
        code = HTTP_CODES.get(failure.status_code, "invalid_request")
        body = {"error": code, "message": str(failure.detail), "requestId": request.state.request_id}
        return JSONResponse(body, status_code=failure.status_code, headers=failure.headers)

    async def unexpected(request: Request, failure: Exception) -> JSONResponse:
        code, body = problem_of(failure, request.state.request_id)
        return JSONResponse(body, status_code=code)

    app.add_exception_handler(Refusal, ours)
    app.add_exception_handler(ForeignError, ours)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(Exception, unexpected)


def _retry_after(body: dict[str, Any]) -> dict[str, str] | None:
    details = body.get("details")
    if isinstance(details, dict) and "retryAfter" in details:
        return {"Retry-After": str(details["retryAfter"])}
    return None


class Guard:
    """Gives every request an id, bounds its body, and refuses text that PostgreSQL cannot store."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(8)}"
        scope.setdefault("state", {})["request_id"] = request_id
        current_request.set(request_id)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", []).append((b"x-request-id", request_id.encode()))
            await send(message)

        query = scope.get("query_string", b"").lower()
        if "\x00" in scope["path"] or b"%00" in query:
            await _refuse(named, 400, "invalid_request", "The address contains NUL.", request_id)
            return
        if _too_long(headers.get(b"content-length")):
            await _refuse(named, 413, "body_too_large", "The body is larger than 1 MiB.", request_id)
            return
        await self._app(scope, _bounded(receive), named)


def _too_long(length: bytes | None) -> bool:
    return length is not None and length.isdigit() and int(length) > BODY_LIMIT


def _bounded(receive: Receive) -> Receive:
    """Count the body of a request that does not say its length."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_LIMIT:
            raise HTTPException(413, "The body is larger than 1 MiB.")
        return message

    return counted


async def _refuse(send: Send, status: int, code: str, message: str, request_id: str) -> None:
    body = json.dumps({"error": code, "message": message, "requestId": request_id}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
