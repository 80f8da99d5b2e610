"""One viewer's socket: tells what the ring holds as fast as the viewer reads, and hears what is typed.

A viewer that does not read waits here, not in the ring: it only falls behind, and is told that lines were
lost once the ring has moved on. Nobody else, and never the workload, waits for it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from aiohttp import WSCloseCode, WSMsgType, web

from zpack.agent.console import frames
from zpack.agent.problems import Refusal
from zpack.wire.console import MAX_ASKED, PROTOCOLS

if TYPE_CHECKING:
    from zpack.agent.console.ring import ConsoleRing

PING_SECONDS = 5.0
DEAF_SECONDS = 60.0
"""A viewer that takes nothing and says nothing for so long is gone."""
FRAME_BYTES = 32 * 1024


class Talk(Protocol):
    """What is at the other end of the console: a workload, or a shell."""

    ring: ConsoleRing
    in_lines: bool

    @property
    def ended(self) -> str | None:
        """Why there is nothing more to come; None while there may be."""
        ...

    async def hear(self, protocol: str | None, text: str) -> None:
        """Do what a frame asks, in its own time. Raises :class:`Refusal`."""
        ...


class Stream:
    """Serves one viewer until either side ends."""

    def __init__(self, *, talk: Talk, after: int) -> None:
        self._talk = talk
        self._seq = after
        self._transport: asyncio.Transport | None = None
        self._closing = False
        self._socket = web.WebSocketResponse(
            protocols=PROTOCOLS, max_msg_size=MAX_ASKED, autoping=False, compress=False, timeout=2.0
        )
        self._awake = asyncio.Event()
        self._problems: list[str] = []
        self._heard_at = time.monotonic()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Upgrade and serve."""
        self._transport = request.transport
        await self._socket.prepare(request)
        with self._talk.ring.watched(self._awake.set):
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(self._tell(), name="viewer")
                await self._listen()
                if not self._closing:
                    telling.cancel()
        return self._socket

    async def _listen(self) -> None:
        socket = self._socket
        while not socket.closed:
            message = await socket.receive()
            self._heard_at = time.monotonic()
            if message.type is WSMsgType.TEXT:
                await self._hear(message.data)
            elif message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is WSMsgType.BINARY:
                await socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"text_only")
            elif message.type is not WSMsgType.PONG:
                return  # closed, by whom and however

    async def _hear(self, text: str) -> None:
        try:
            await self._talk.hear(self._socket.ws_protocol, text)
        except Refusal as refusal:
            said = frames.problem(self._socket.ws_protocol, refusal.code, refusal.message)
            self._problems = [*self._problems[-9:], said]
            self._awake.set()

    async def _tell(self) -> None:
        """Tell until there is no more, or nobody takes it; then close."""
        try:
            reason = await self._tell_all()
            self._closing = True
            code = WSCloseCode.OK if reason else WSCloseCode.SERVICE_RESTART
            await self._socket.close(code=code, message=(reason or "agent_stopping").encode())
        except (TimeoutError, OSError):  # it takes nothing any more
            if self._transport is not None:
                self._transport.abort()

    async def _tell_all(self) -> str | None:
        """Tell everything; return why there is nothing more, or None when the agent stops."""
        pinged = time.monotonic()
        while True:
            self._awake.clear()
            # Before the lines are read: what was said last must not be missed.
            ended, closed = self._talk.ended, self._talk.ring.closed
            if not await self._tell_news() and (ended or closed):
                return ended
            now = time.monotonic()
            if now - self._heard_at > DEAF_SECONDS:
                raise TimeoutError
            if now - pinged >= PING_SECONDS:
                pinged = now
                await self._socket.ping()
            await self._sleep(pinged + PING_SECONDS - now)

    async def _tell_news(self) -> bool:
        """Tell one frame of what is new; false when there is nothing."""
        protocol = self._socket.ws_protocol
        problems, self._problems = self._problems, []
        for text in problems:
            await self._send(text)
        ring = self._talk.ring
        if self._seq == ring.last:
            return bool(problems)
        found = ring.after(self._seq, max_bytes=FRAME_BYTES)
        self._seq = found["next"]
        if text := frames.told(protocol, found, lines=self._talk.in_lines):
            await self._send(text)
        if self._seq != ring.last:
            self._awake.set()
        return True

    async def _send(self, text: str) -> None:
        async with asyncio.timeout(DEAF_SECONDS):
            await self._socket.send_str(text)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._awake.wait()
        except TimeoutError:
            pass
