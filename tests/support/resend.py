"""Resend's ``POST /emails`` in the shape it documents, idempotency and refusals included."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = "re_test_key"
REQUIRED = ("from", "to", "subject")


@dataclass
class ResendServer:
    """What was sent. ``refusal`` is a status and a name; ``manner`` is ``drop`` or ``hang``, once the mail is in."""

    refusal: tuple[int, str] | None = None
    manner: str = ""
    url: str = ""
    mails: list[dict[str, Any]] = field(default_factory=list)
    tries: int = 0
    _answers: dict[str, tuple[Any, str]] = field(default_factory=dict)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, request: web.Request) -> web.StreamResponse:
        self.tries += 1
        refused = self.refusal or self._credentials(request)
        body = await request.json()
        if refused is None and any(not body.get(name) for name in REQUIRED):
            refused = (422, "missing_required_field")
        if refused is not None:
            return _refusal(*refused)
        key = request.headers.get("Idempotency-Key", "")
        if key and key in self._answers:
            first, name = self._answers[key]
            return (
                web.json_response({"id": name})
                if first == body
                else _refusal(409, "invalid_idempotent_request")
            )
        name = str(uuid.uuid4())
        self._answers[key] = (body, name)
        self.mails.append(body)
        if self.manner == "drop" and request.transport is not None:
            request.transport.abort()
        if self.manner == "hang":
            self.hanging.set()
            await self.over.wait()
        return web.json_response({"id": name})

    async def domains(self, request: web.Request) -> web.StreamResponse:
        refused = self._credentials(request)
        return _refusal(*refused) if refused else _refusal(401, "restricted_api_key")

    def _credentials(self, request: web.Request) -> tuple[int, str] | None:
        given = request.headers.get("Authorization", "")
        if not given:
            return 401, "missing_api_key"
        return None if given == f"Bearer {KEY}" else (403, "invalid_api_key")


def _refusal(status: int, name: str) -> web.Response:
    body = {"statusCode": status, "name": name, "message": f"about ann@example.org: {name}"}
    return web.json_response(body, status=status)


@asynccontextmanager
async def resend_server(**manners: Any) -> AsyncIterator[ResendServer]:
    """Serve it on a free port."""
    made = ResendServer(**manners)
    app = web.Application()
    app.router.add_post("/emails", made.send)
    app.router.add_get("/domains", made.domains)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        made.over.set()
        await runner.cleanup()
