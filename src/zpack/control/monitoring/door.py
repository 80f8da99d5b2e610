"""A worker's own ``/metrics``: nothing else is served there, and nobody else than Prometheus is let in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zpack.control.accounts.access import may_scrape
from zpack.control.monitoring.page import CONTENT_TYPE

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from zpack.control.monitoring.page import Page


class FiguresDoor:
    """The ASGI application of one page."""

    def __init__(self, *, page: Page, token: str | None) -> None:
        self._page = page
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        await (await self._answer(Request(scope)))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.url.path != "/metrics":
            return JSONResponse({"error": "not_found"}, status_code=404)
        if not may_scrape(request, self._token):
            return JSONResponse({"error": "unauthorized"}, status_code=401)
        return Response(await self._page.render(), media_type=CONTENT_TYPE)
