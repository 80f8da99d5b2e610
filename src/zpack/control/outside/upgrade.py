"""Opens a WebSocket on a connection of its own, and leaves it to others what is said on it (RFC 6455 §4.1).

What answers is not trusted: a head whose framing is doubtful, or a switch to something that was not asked
for, is none. No redirect is followed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from zpack.control.engine.errors import ForeignError
from zpack.control.outside.agent_stream import said_plainly

if TYPE_CHECKING:
    Pairs = list[tuple[str, str]]

FIELDS_LIMIT = 100
HEAD_LIMIT = 64 * 1024
SWITCHING = 101
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
STATUS_LINE = re.compile(r"HTTP/1\.1 ([1-5][0-9]{2})(?: [^\r\n]*)?")
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class NotSwitched(Exception):
    """The server answers an upgrade with something else."""

    def __init__(self, status: int) -> None:
        super().__init__(f"answered {status} to the upgrade")
        self.status = status


@dataclass(frozen=True, slots=True)
class Joined:
    """A connection that has switched to WebSocket, paused, with what came behind the head."""

    transport: asyncio.Transport
    headers: Pairs
    first: bytes


async def upgraded(at: tuple[str, int], target: str, headers: Pairs, *, who: str, seconds: float) -> Joined:
    """Open a WebSocket. ``headers`` are sent as they are. Raises ForeignError, NotSwitched."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    transport = None
    try:
        with said_plainly(who):
            async with asyncio.timeout(seconds):
                made, shake = await asyncio.get_running_loop().create_connection(_Handshake, *at)
                transport = made
                transport.write(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode())
                text, first = await shake.head
        status, answered = parsed(text, who)
        check_switch(status, dict(_lower(headers)), answered, who)
    except BaseException:
        if transport is not None:
            transport.abort()
        raise
    return Joined(transport, answered, first)


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


def parsed(head: str, who: str) -> tuple[int, Pairs]:
    """Return status and headers of a head. Raises ForeignError when it is not strictly HTTP/1.1."""
    line, *fields = head.split("\r\n")
    status = STATUS_LINE.fullmatch(line)
    pairs = [(name, value.strip(" \t")) for name, _, value in (field.partition(":") for field in fields)]
    if status is None:
        raise ForeignError(f"{who}'s answer is no HTTP/1.1", transient=False)
    code = int(status[1])
    check_head(HTTPStatus.OK if code == SWITCHING else code, pairs, who)
    return code, pairs


def check_head(status: int, headers: Pairs, who: str) -> None:
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
        raise ForeignError(f"{who}'s answer cannot be passed on", transient=False)


def check_switch(status: int, asked: dict[str, str], answered: Pairs, who: str) -> None:
    """Refuse a switch that was not asked for like this. Raises NotSwitched, ForeignError."""
    if status != SWITCHING:
        raise NotSwitched(status)
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
        raise ForeignError(f"{who} switches to something else", transient=False)


def _repeats_harmlessly(headers: Pairs) -> bool:
    names = [name.lower() for name, _ in headers]
    return not any(names.count(name) > 1 for name in names if name.startswith("sec-websocket"))


def _extensions(value: str) -> set[str]:
    return {word.partition(";")[0].strip().lower() for word in _listed(value)}


def _listed(value: str) -> list[str]:
    return [word for part in value.split(",") if (word := part.strip())]


def _lower(headers: Pairs) -> Pairs:
    return [(name.lower(), value) for name, value in headers]
