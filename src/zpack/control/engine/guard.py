"""The first thing every request meets: an id, a bound on its body, and an end to bodies nobody reads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from zpack.control.engine.request import current_origin, current_request, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT = 1 << 20
LINGER_SECONDS = 10.0
NUL = ("invalid_request", "The address contains NUL.")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Guard:
    """Gives every request an id, bounds its body, and refuses text that PostgreSQL cannot store.

    ``streamed`` names the few routes that read a larger body as a stream: ``METHOD /path`` to bytes.
    """

    def __init__(self, app: ASGIApp, *, streamed: Mapping[re.Pattern[str], int]) -> None:
        self._app = app
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(8)}"
        scope.setdefault("state", {})["request_id"] = request_id
        current_request.set(request_id)
        current_origin.set(origin_of(scope.get("client"), headers.get(b"user-agent", b"")))
        hostile = "\x00" in scope["path"] or b"%00" in scope.get("query_string", b"").lower()
        if scope["type"] == "websocket":
            await self._upgrade(scope, receive, _Handshake(send, request_id), refused=hostile)
            return
        body = _Body(receive, headers, limit=self._limit(scope))
        answer = _Answer(send, body, request_id)
        if hostile:
            await answer.refuse(400, *NUL)
        elif body.is_too_long:
            await answer.refuse(413, "body_too_large", body.complaint)
        else:
            await self._app(scope, body.receive, answer.send)

    async def _upgrade(self, scope: Scope, receive: Receive, shake: _Handshake, *, refused: bool) -> None:
        if refused:
            await shake.refuse(400, *NUL)
        else:
            await self._app(scope, receive, shake.send)

    def _limit(self, scope: Scope) -> int:
        asked = f"{scope['method']} {scope['path']}"
        return next((n for pattern, n in self._streamed.items() if pattern.fullmatch(asked)), BODY_LIMIT)


class _Body:
    """Counts the body of a request that does not say its length, or says a wrong one."""

    def __init__(self, receive: Receive, headers: Mapping[bytes, bytes], *, limit: int) -> None:
        length = headers.get(b"content-length", b"")
        self._receive = receive
        self._declared = int(length) if length.isdigit() else 0
        self._chunked = b"transfer-encoding" in headers
        self._limit = limit
        self._seen = 0
        self._ended = False
        self.complaint = f"The body is larger than {limit >> 20} MiB."

    @property
    def is_too_long(self) -> bool:
        """Whether it says itself that it is larger than allowed."""
        return self._declared > self._limit

    @property
    def is_unread(self) -> bool:
        """Whether more is on its way than is worth waiting for."""
        return not self._ended and (self._chunked or self._declared - self._seen > BODY_LIMIT)

    async def receive(self) -> Message:
        """Receive a piece. Raises HTTPException when there are too many."""
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._seen > self._limit:
            raise HTTPException(413, self.complaint)
        return message

    async def read_over(self) -> None:
        """Read what still comes for a while, so that who is sending gets to read the answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._ended:
                    message = await self._receive()
                    self._ended = not message.get("more_body", False)


class _Answer:
    """Names the request in the answer; behind a body that nobody read, the connection ends."""

    def __init__(self, send: Send, body: _Body, request_id: str) -> None:
        self._send = send
        self._body = body
        self._request_id = request_id
        self._closing = False

    async def send(self, message: Message) -> None:
        """Send a piece."""
        if message["type"] == "http.response.start":
            headers = message.setdefault("headers", [])
            headers.append((b"x-request-id", self._request_id.encode()))
            self._closing = self._body.is_unread
            if self._closing:
                headers.append((b"connection", b"close"))
        elif self._closing and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._body.read_over()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def refuse(self, status: int, code: str, text: str) -> None:
        """Answer in the place of the application."""
        for message in _refusal("http", status, code, text, self._request_id):
            await self.send(message)


class _Handshake:
    """Names the request in the answer to an upgrade, be it taken or refused."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id

    async def send(self, message: Message) -> None:
        """Send one message."""
        if message["type"] in {"websocket.accept", "websocket.http.response.start"}:
            message.setdefault("headers", []).append((b"x-request-id", self._request_id.encode()))
        await self._send(message)

    async def refuse(self, status: int, code: str, text: str) -> None:
        """Answer the upgrade in the place of the application."""
        for message in _refusal("websocket.http", status, code, text, self._request_id):
            await self.send(message)


def _refusal(kind: str, status: int, code: str, text: str, request_id: str) -> tuple[Message, Message]:
    body = json.dumps({"error": code, "message": text, "requestId": request_id}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return (
        {"type": f"{kind}.response.start", "status": status, "headers": headers},
        {"type": f"{kind}.response.body", "body": body},
    )
