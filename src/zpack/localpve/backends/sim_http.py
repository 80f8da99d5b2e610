"""A small HTTP/1.1 server for scripted agents, of which one process serves thousands.

Requests of one connection are answered in their order, pipelined ones too (RFC 9112 §9.3.2).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, urlsplit

import httptools

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BODY_LIMIT = 1 << 20
REASONS = {200: "OK", 202: "Accepted", 204: "No Content", 400: "Bad Request", 401: "Unauthorized"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    token: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; ``body`` is JSON, or whatever the script wants to pass off as it."""

    status: int
    body: bytes


class CutOff(Exception):
    """The script breaks the connection off instead of answering."""


class SimConnection(asyncio.Protocol):
    """One connection to a scripted agent."""

    def __init__(
        self, answer: Callable[[Asked], Answer | Awaitable[Answer]], known: set[SimConnection]
    ) -> None:
        self._answer = answer
        self._known = known
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._token = b""
        self._body = b""
        self._waiting: deque[Asked] = deque()
        self._busy: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._known.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop what is still being answered."""
        del exc
        self._known.discard(self)
        if self._busy is not None:
            self._busy.cancel()

    def data_received(self, data: bytes) -> None:
        """Parse, and answer what is complete."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()
            return
        if self._busy is None:
            self._serve()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._url = self._token = self._body = b""

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take the one header that matters."""
        if name.lower() == b"authorization":
            self._token = value.removeprefix(b"Bearer ")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body += body
        if len(self._body) > BODY_LIMIT:
            self.abort()

    def on_message_complete(self) -> None:
        """Queue the request."""
        url = self._url.decode("latin-1")
        path, query = url, {}
        if "?" in url:
            parts = urlsplit(url)
            path, query = parts.path, dict(parse_qsl(parts.query))
        method = self._parser.get_method().decode()
        self._waiting.append(Asked(method, path, query, self._token.decode("latin-1"), self._body))

    def _serve(self) -> None:
        """Answer what waits, until an answer takes time."""
        while self._waiting:
            try:
                found = self._answer(self._waiting.popleft())
            except CutOff:
                self.abort()
                return
            if not isinstance(found, Answer):
                self._busy = asyncio.ensure_future(self._later(found))
                return
            self._write(found)

    async def _later(self, found: Awaitable[Answer]) -> None:
        try:
            self._write(await found)
        except CutOff:
            self.abort()
        finally:
            self._busy = None
        self._serve()

    def _write(self, answer: Answer) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        reason = REASONS.get(answer.status, "Scripted")
        head = (
            f"HTTP/1.1 {answer.status} {reason}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(answer.body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + answer.body)

    def abort(self) -> None:
        """Break off."""
        self._waiting.clear()
        if self._transport is not None:
            self._transport.abort()
