"""Counts and times what the API answers, by route template; and begins the trace of each request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zpack.control.engine import measures, tracing

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SOCKET, OTHER = "SOCKET", "OTHER"
SWITCHED, SERVER_ERROR = 101, 500
STATUSES = frozenset({101, 200, 201, 202, 204, 206, 302, 304, 499, *range(400, 430), *range(500, 505)})
STARTS = {
    "http.response.start": None,
    "websocket.http.response.start": None,
    "websocket.accept": SWITCHED,
}


class Traffic:
    """The ASGI application around ours that keeps the count."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        if scope["type"] == "websocket":  # one lasts for hours: no span is that long
            await self._counted(answer, scope, receive)
            return
        with tracing.span(answer.method, kind="server", link=_told(scope)) as span:
            await self._counted(answer, scope, receive)
            route, request_id = answer.route, scope.get("state", {}).get("request_id")
            span.name(f"{answer.method} {route}")
            span.note(http_request_method=answer.method, http_route=route, request_id=request_id)
            span.note(http_response_status_code=answer.status)
            if answer.status is not None and answer.status >= SERVER_ERROR:
                span.fail(f"answered {answer.status}")

    async def _counted(self, answer: _Answer, scope: Scope, receive: Receive) -> None:
        try:
            await self._app(scope, receive, answer.send)
        finally:
            answer.end()


class _Answer:
    """The answer to one request."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._began = time.perf_counter()
        self._open: str | None = None
        self.status: int | None = None
        asked = scope.get("method", SOCKET)
        self.method = asked if asked in METHODS or asked is SOCKET else OTHER

    @property
    def route(self) -> str:
        """Return the template of the route that was met."""
        return getattr(self._scope.get("route"), "path", None) or measures.UNROUTED

    async def send(self, message: Message) -> None:
        """Send a piece; the first one tells the status."""
        if self.status is None and message["type"] in STARTS:
            self._begin(STARTS[message["type"]] or message["status"])
        await self._send(message)

    def _begin(self, status: int) -> None:
        route, self.status = self.route, status
        measures.REQUESTS.labels(self.method, route, _label(status)).inc()
        measures.REQUEST_SECONDS.labels(self.method, route).observe(time.perf_counter() - self._began)
        measures.ANSWERS_OPEN.labels(route).inc()
        self._open = route

    def end(self) -> None:
        """Say that nothing more comes."""
        if self._open is not None:
            measures.ANSWERS_OPEN.labels(self._open).dec()


def _label(status: int) -> str:
    """Return a status as a label; agents may answer with any, and a few hundred are too many."""
    return str(status) if status in STATUSES else f"{status // 100}xx"


def _told(scope: Scope) -> str | None:
    """Return the trace the caller claims to belong to."""
    name = tracing.TRACEPARENT.encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)
