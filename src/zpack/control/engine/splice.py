"""Two connections made one after a WebSocket upgrade: bytes pass as they come, in both directions.

No message is put together and nothing is queued: whoever reads slowly stops the reading of the other. There
is no task and no timer while nothing is said, so an idle socket costs two connections and these objects.
Only the lengths of the frames towards the client are read, so that a goodbye can be said between two of them.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

from zpack.control.engine.measures import RELAYED
from zpack.control.engine.relay_ws import REASON_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.engine.measures import Passed
    from zpack.control.engine.relay_ws import Ending

SPLICE = "zpack.websocket.splice"
"""ASGI extension of our server: answers an upgrade with a head of our own and gives the connection away."""
FROM_PEOPLE, TO_PEOPLE = RELAYED["splice", "in"], RELAYED["splice", "out"]
HIGH_WATER = 256 * 1024
LINGER_SECONDS = 5.0
"""For so long what was written last may take to leave."""
SHORT, LONG = 126, 127
"""RFC 6455 §5.2: lengths that stand for a longer length field."""
KERNEL = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 120_000}
"""The kernel finds a peer that is gone, or takes nothing for two minutes."""


class FrameMeter:
    """Follows frames, and knows whether the last one is whole."""

    __slots__ = ("_head", "_left")

    def __init__(self) -> None:
        self._left = 0
        self._head = b""

    @property
    def between(self) -> bool:
        """Whether the next byte would begin a frame."""
        return not self._left and not self._head

    def feed(self, data: bytes) -> None:
        """Take note of what passes."""
        at = self._left
        if self._head:
            data, at, self._head = self._head + data, 0, b""
        size = len(data)
        while at < size:
            length = _frame_length(data, at)
            if length is None:
                self._head, at = bytes(data[at:]), size
            else:
                at += length
        self._left = at - size


def _frame_length(data: bytes, at: int) -> int | None:
    """Return the length of the frame that begins there; None when its head is not whole."""
    head = data[at : at + 10]
    if len(head) < 2:  # noqa: PLR2004 - the shortest head
        return None
    length, size = head[1] & 127, 2
    if length >= SHORT:
        size = 10 if length == LONG else 4
        if len(head) < size:
            return None
        length = int.from_bytes(head[2:size], "big")
    return size + (4 if head[1] & 128 else 0) + length


class _End(asyncio.Protocol):
    """One of the two connections."""

    __slots__ = ("_passed", "_splice", "meter", "other", "taken", "transport")

    def __init__(self, splice: Splice, passed: Passed) -> None:
        self._splice = splice
        self._passed = passed
        self.meter: FrameMeter | None = None
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None
        self.taken = 0
        """Bytes that came from this side."""

    def data_received(self, data: bytes) -> None:
        self._passed.size += len(data)
        self.taken += len(data)
        if self.meter is not None:
            self.meter.feed(data)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.transport = None
        self._splice.lost()


class Splice:
    """A client's connection and a server's. ``over`` is called once, when both are gone."""

    def __init__(self, *, over: Callable[[], None]) -> None:
        self.client, self._server = _End(self, FROM_PEOPLE), _End(self, TO_PEOPLE)
        self._over = over
        self._linger: asyncio.TimerHandle | None = None

    def join(self, client: asyncio.Transport, server: asyncio.Transport, first: bytes) -> None:
        """Let the bytes pass. ``first`` is what the server had said already."""
        for end, transport in ((self.client, client), (self._server, server)):
            end.transport = transport
            transport.set_write_buffer_limits(high=HIGH_WATER)
            watch_by_kernel(transport)
        self.client.other, self._server.other = self._server, self.client
        self._server.meter = FrameMeter()
        server.set_protocol(self._server)
        if first:
            self._server.data_received(first)
        server.resume_reading()

    def end(self, ending: Ending) -> None:
        """Say goodbye to the client, between two frames, and part from both."""
        client, meter = self.client.transport, self._server.meter
        self._server.other = None
        if client is not None and meter is not None and meter.between and not client.is_closing():
            client.write(close_frame(ending))
        self.lost()
        if self._server.transport is not None:
            self._server.transport.abort()

    def lost(self) -> None:
        """Part from the one that is left, once it has taken what was written."""
        left = [end.transport for end in (self.client, self._server) if end.transport is not None]
        for transport in left:
            transport.close()
        if left and self._linger is None:
            self._linger = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._cut)
        elif not left and self._linger is not None:
            self._linger.cancel()
        if not left:
            self.client.other = self._server.other = None
            over, self._over = self._over, _nothing
            over()

    def _cut(self) -> None:
        for end in (self.client, self._server):
            if end.transport is not None:
                end.transport.abort()


def _nothing() -> None:
    """Do nothing."""


def close_frame(ending: Ending) -> bytes:
    """Return a server's close frame (RFC 6455 §5.5.1)."""
    reason = ending.reason.encode()[:REASON_BYTES].decode(errors="ignore").encode()
    body = ending.code.to_bytes(2, "big") + reason
    return bytes((0x88, len(body))) + body


def watch_by_kernel(transport: asyncio.Transport) -> None:
    """Have the kernel end a connection whose peer is gone, without a timer of ours."""
    held = cast("socket.socket | None", transport.get_extra_info("socket"))
    if held is None or held.family == socket.AF_UNIX:
        return
    held.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KERNEL.items():
        held.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
