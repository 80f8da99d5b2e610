"""Speaks to what runs in a dev container: the IDE and whatever listens on a forwarded port.

Nothing there is trusted. The target is given with every call, redirects are not followed, cookies are not
kept, and an answer whose framing is doubtful is none.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.outside.agent_stream import said_plainly

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    Pairs = list[tuple[str, str]]

CONNECT_SECONDS = 10.0
HEAD_SECONDS = 120.0
"""How long an answer may be thought about; its body may take as long as the client has patience."""
CONNECTIONS_PER_CONTAINER = 64
READ_BUFFER = 256 * 1024
LINE_LIMIT, FIELD_LIMIT, FIELDS_LIMIT = 16 * 1024, 32 * 1024, 100
HEAD_LIMIT = 64 * 1024
SWITCHING = 101
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
STATUS_LINE = re.compile(r"HTTP/1\.1 ([1-5][0-9]{2})(?: [^\r\n]*)?")
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class UpgradeRefused(Refusal):
    """The container answers an upgrade with something else; its status is passed on."""

    kind = "upstream"
    code = "upgrade_refused"


@dataclass(frozen=True, slots=True)
class Joined:
    """A connection that has switched to WebSocket, paused, with what came behind the head."""

    transport: asyncio.Transport
    headers: Pairs
    first: bytes


class IdeAnswer:
    """An answer whose body is still on its way."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Pairs = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in response.raw_headers]

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raises ForeignError."""
        while True:
            with said_plainly("the container"):
                data = await self._response.content.readany()
            if not data:
                return
            yield data

    def cut(self) -> None:
        """Let go at once; who is waiting for a piece is told."""
        self._response.close()


class IdeUpstream:
    """One pooled session for requests; a connection of its own for every socket."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def ask(
        self,
        method: str,
        at: tuple[str, int],
        target: str,
        headers: Pairs,
        body: AsyncIterator[bytes] | None,
    ) -> AsyncGenerator[IdeAnswer]:
        """Send a request. Raises ForeignError."""
        with said_plainly("the container"):
            async with asyncio.timeout(HEAD_SECONDS):
                response = await self._opened().request(
                    method,
                    URL(f"http://{at[0]}:{at[1]}{target}", encoded=True),
                    headers=CIMultiDict(headers),
                    data=body,
                    allow_redirects=False,
                    skip_auto_headers=AUTOMATIC,
                )
        try:
            answer = IdeAnswer(response)
            check_head(answer.status, answer.headers)
            yield answer
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def upgrade(self, at: tuple[str, int], target: str, headers: Pairs) -> Joined:
        """Open a WebSocket. Raises ForeignError, UpgradeRefused."""
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        transport = None
        try:
            with said_plainly("the container"):
                async with asyncio.timeout(CONNECT_SECONDS):
                    made, shake = await asyncio.get_running_loop().create_connection(_Handshake, *at)
                    transport = made
                    transport.write(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode())
                    text, first = await shake.head
            status, answered = parsed(text)
            check_switch(status, dict(_lower(headers)), answered)
        except BaseException:
            if transport is not None:
                transport.abort()
            raise
        return Joined(transport, answered, first)

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=CONNECTIONS_PER_CONTAINER),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=READ_BUFFER,
                max_line_size=LINE_LIMIT,
                max_field_size=FIELD_LIMIT,
                max_headers=FIELDS_LIMIT,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            )
        return self._session


class _Handshake(asyncio.Protocol):
    """Waits for the head of an answer, and stops reading behind it."""

    def __init__(self) -> None:
        self.head: asyncio.Future[tuple[str, bytes]] = asyncio.get_running_loop().create_future()
        self._seen = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, first = self._seen.partition(b"\r\n\r\n")
        if self.head.done() or not (found or len(self._seen) > HEAD_LIMIT):
            return
        if self._transport is not None:
            self._transport.pause_reading()
        if len(head) > HEAD_LIMIT:
            self.head.set_exception(ValueError("the head is too long"))
        else:
            self.head.set_result((head.decode("latin-1"), first))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.head.done():
            self.head.set_exception(exc or ConnectionResetError())


def parsed(head: str) -> tuple[int, Pairs]:
    """Return status and headers of a head. Raises ForeignError when it is not strictly HTTP/1.1."""
    line, *fields = head.split("\r\n")
    status = STATUS_LINE.fullmatch(line)
    pairs = [(name, value.strip(" \t")) for name, _, value in (field.partition(":") for field in fields)]
    if status is None:
        raise ForeignError("the container's answer is no HTTP/1.1", transient=False)
    code = int(status[1])
    check_head(HTTPStatus.OK if code == SWITCHING else code, pairs)
    return code, pairs


def check_head(status: int, headers: Pairs) -> None:
    """Refuse an answer that can be read in two ways. Raises ForeignError."""
    names = [name.lower() for name, _ in headers]
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    wrong = (
        not 200 <= status <= 599,  # noqa: PLR2004 - final answers
        len(headers) > FIELDS_LIMIT,
        sum(len(name) + len(value) for name, value in headers) > HEAD_LIMIT,
        len(lengths) > 1 or any(not (value.isascii() and value.isdigit()) for value in lengths),
        bool(lengths) and "transfer-encoding" in names,
        not all(NAME.fullmatch(name) for name in names),
        any(CONTROLS.search(value) for _, value in headers),
        any(v.strip().lower() != "chunked" for n, v in headers if n.lower() == "transfer-encoding"),
    )
    if any(wrong):
        raise ForeignError("the container's answer cannot be passed on", transient=False)


def check_switch(status: int, asked: dict[str, str], answered: Pairs) -> None:
    """Refuse a switch that was not asked for like this. Raises UpgradeRefused, ForeignError."""
    if status != SWITCHING:
        raise UpgradeRefused("The container does not open a WebSocket here.", status=status)
    told = dict(_lower(answered))
    digest = hashlib.sha1(asked["sec-websocket-key"].encode() + GUID, usedforsecurity=False).digest()
    protocol = told.get("sec-websocket-protocol")
    right = (
        len(told) == len(answered) or _repeats_harmlessly(answered),
        told.get("upgrade", "").lower() == "websocket",
        "upgrade" in {word.strip().lower() for word in told.get("connection", "").split(",")},
        told.get("sec-websocket-accept") == base64.b64encode(digest).decode(),
        protocol is None or protocol in _listed(asked.get("sec-websocket-protocol", "")),
        _extensions(told.get("sec-websocket-extensions", ""))
        <= _extensions(asked.get("sec-websocket-extensions", "")),
    )
    if not all(right):
        raise ForeignError("the container switches to something else", transient=False)


def _repeats_harmlessly(headers: Pairs) -> bool:
    names = [name.lower() for name, _ in headers]
    return not any(names.count(name) > 1 for name in names if name.startswith("sec-websocket"))


def _extensions(value: str) -> set[str]:
    return {word.partition(";")[0].strip().lower() for word in _listed(value)}


def _listed(value: str) -> list[str]:
    return [word for part in value.split(",") if (word := part.strip())]


def _lower(headers: Pairs) -> Pairs:
    return [(name.lower(), value) for name, value in headers]
