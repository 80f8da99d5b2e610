"""The ASGI application: mounts the rooms' routes, renders every error, refuses to start with a hole."""

from __future__ import annotations

import logging
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.exceptions import HTTPException

from zpack.control.accounts.access import PUBLIC, RULES
from zpack.control.accounts.routes import router as accounts
from zpack.control.activity.routes import router as activity
from zpack.control.administration.routes import router as administration
from zpack.control.announcements.routes import router as announcements
from zpack.control.apikeys.routes import router as apikeys
from zpack.control.backups.routes import router as backups
from zpack.control.billing.routes import router as billing
from zpack.control.catalog.routes import router as catalog
from zpack.control.console.routes import router as console
from zpack.control.dev.routes import router as dev
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.guard import Guard
from zpack.control.engine.problems import problem_of
from zpack.control.engine.relay_http import ClientGone
from zpack.control.engine.traffic import Traffic
from zpack.control.engine.wording import said
from zpack.control.entitlements.routes import router as entitlements
from zpack.control.events.routes import router as events
from zpack.control.files.routes import STREAMED
from zpack.control.files.routes import router as files
from zpack.control.fleet.routes import router as fleet
from zpack.control.ide.gate import IdeGate
from zpack.control.ide.routes import router as ide
from zpack.control.idle.routes import router as idle
from zpack.control.instances.routes import router as instances
from zpack.control.mods.routes import router as mods
from zpack.control.monitoring.routes import router as monitoring
from zpack.control.operations.routes import router as operations
from zpack.control.power.routes import router as power
from zpack.control.provisioning.routes import router as provisioning
from zpack.control.publishing.routes import router as publishing
from zpack.control.recovery.routes import router as recovery
from zpack.control.repair.routes import router as repair
from zpack.control.routing.routes import router as routing
from zpack.control.secondfactor.routes import router as secondfactor
from zpack.control.status.routes import router as status
from zpack.control.support.routes import router as support
from zpack.control.suspension.routes import router as suspension

if TYPE_CHECKING:
    import re
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from fastapi.dependencies.models import Dependant
    from starlette.types import ASGIApp, Receive, Scope, Send

    from zpack.control.wiring import Api

log = logging.getLogger("zpack.api")
CLIENT_CLOSED = 499
"""What nginx calls an answer that nobody waits for; it reaches no one."""
ROUTERS = (
    operations, accounts, catalog, provisioning, instances, status, events, power, console, files,
    backups, mods, dev, ide, publishing, administration, apikeys, billing, entitlements, recovery,
    routing, secondfactor, suspension, monitoring, idle, repair, announcements, support,
    activity, fleet,
)  # fmt: skip
FRAMEWORK_PAGES = {"/openapi.json", "/docs", "/docs/oauth2-redirect"}
SOCKET = "WS"
"""Stands where a route's method does."""
HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


OURS = ("/api/", "/internal/", "/sd/", "/docs/", "/metrics/")
"""What lies below these is the API's, also where there is nothing."""


class Site(Protocol):
    """Pages for people, served from the same process; a client of the API like any other.

    ``streamed`` is as the guard's: bodies that it passes on as they come.
    """

    @property
    def streamed(self) -> Mapping[re.Pattern[str], int]:
        """Return the guard's exceptions."""
        ...

    def attach(self, api: ASGIApp) -> None:
        """Tell the site which application is the API."""
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve what is none of the API's."""
        ...


class RouteWithoutRule(Exception):
    """A route names no access rule; the application must not serve it."""


def create_app(
    api: Api,
    *,
    ready: Callable[[], Awaitable[dict[str, str]]],
    cors_origins: tuple[str, ...],
    site: Site | None = None,
) -> FastAPI:
    """Build the application. Raises RouteWithoutRule.

    ``ready`` returns what is not ready yet, by name, with its reason; empty means ready. ``site`` serves
    every path that is not the API's.
    """
    # Including the routers would analyse each route anew, for each application, at its first request.
    routes = [route for router in (health_router(), *ROUTERS) for route in router.routes]
    app = FastAPI(title="zpack", version="0.1.0", docs_url="/docs", redoc_url=None, routes=routes)
    for entry in fields(api):
        setattr(app.state, entry.name, getattr(api, entry.name))
    app.state.ready = ready
    app.state.cors_origins = cors_origins
    _render_errors(app)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(cors_origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        allow_headers=["Content-Type", "Authorization", "Idempotency-Key"],
        allow_credentials=False,
    )
    app.add_middleware(Guard, streamed={**STREAMED, **(site.streamed if site else {})})
    app.add_middleware(Traffic)
    door = api.ide
    app.add_middleware(
        IdeGate,
        places=door.places,
        admission=door.admission,
        relay=door.relay,
        border=door.border,
        conditions=door.conditions,
        wake=door.wake,
    )
    missing = [path for path, rule in access_rules(app) if rule is None]
    if missing:
        raise RouteWithoutRule(f"routes without an access rule: {', '.join(missing)}")
    if site is not None:
        _serve_elsewhere(app, site)
    return app


def _serve_elsewhere(app: FastAPI, site: Site) -> None:
    nowhere = app.router.default

    async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] != "http" or f"{scope['path']}/".startswith(OURS)
        await (nowhere if ours else site)(scope, receive, send)

    app.router.default = elsewhere
    site.attach(app)


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
        methods = {SOCKET} if isinstance(route, APIWebSocketRoute) else route.methods
        for method in sorted(methods or ()):
            yield f"{method} {route.path}", rule


def _api_routes(routes: Any) -> Iterator[APIRoute | APIWebSocketRoute]:
    """Yield the API's routes, also those inside an included router. Raises RouteWithoutRule.

    Whatever else is mounted must be one of the framework's own pages; a kind of route we do not know could
    carry routes we do not see.
    """
    for route in routes:
        inner = getattr(route, "original_router", None)
        if isinstance(route, APIRoute | APIWebSocketRoute):
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
    # Each also answers a refused upgrade: there the connection is a WebSocket, and the answer its last.
    async def ours(request: Request, failure: Exception) -> JSONResponse:
        code, body = problem_of(failure, request.state.request_id)
        if isinstance(failure, ForeignError):
            method = request.scope.get("method", SOCKET)
            log.warning("%s %s: %s", method, request.url.path, failure.message)
        return JSONResponse(body, status_code=code, headers=_retry_after(body))

    async def malformed(request: Request, failure: Exception) -> JSONResponse:
        assert isinstance(failure, RequestValidationError | WebSocketRequestValidationError)  # noqa: S101
        details = [said(error) for error in failure.errors()]
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

    async def nobody(_request: Request, _failure: Exception) -> Response:
        return Response(status_code=CLIENT_CLOSED)

    app.add_exception_handler(ClientGone, nobody)
    app.add_exception_handler(Refusal, ours)
    app.add_exception_handler(ForeignError, ours)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(WebSocketRequestValidationError, malformed)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(Exception, unexpected)


def _retry_after(body: dict[str, Any]) -> dict[str, str] | None:
    details = body.get("details")
    if isinstance(details, dict) and "retryAfter" in details:
        return {"Retry-After": str(details["retryAfter"])}
    return None
