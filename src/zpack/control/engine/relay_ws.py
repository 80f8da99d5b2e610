"""Carries WebSocket messages between two sides, and knows nothing of what they say.

Both directions live in one task group and end together. Nothing is queued here: a message is taken from one
side when the other has taken the last, so whoever reads slowly slows down whoever talks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.measures import RELAYED
from zpack.wire.problem import CLOSE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from zpack.control.engine.measures import Passed
    from zpack.wire.problem import Kind

log = logging.getLogger("zpack.relay")
GONE_AWAY, NORMAL = 1001, 1000
AT_ONCE = "zpack.websocket.at_once"
"""ASGI extension of our server: sends a text without a message through every layer, or returns False."""
FROM_PEOPLE, TO_PEOPLE = RELAYED["socket", "in"], RELAYED["socket", "out"]
LOOK_SECONDS = 5.0
REASON_BYTES = 123
"""RFC 6455 §5.5: a close frame has 125 bytes, two of them for the code."""


@dataclass(frozen=True)
class Ending:
    """How a conversation ended: the close code and a stable word."""

    code: int
    reason: str

    @classmethod
    def of(cls, kind: Kind, reason: str) -> Ending:
        """Return the ending that stands for a kind of error."""
        return cls(CLOSE[kind], reason)

    @classmethod
    def after(cls, failure: Exception) -> Ending:
        """Return the ending that stands for an error."""
        if isinstance(failure, Refusal):
            return cls.of(failure.kind, failure.code)
        if isinstance(failure, ForeignError):
            return cls.of("upstream", "upstream_timeout" if failure.timed_out else "upstream_failed")
        return cls.of("internal", "internal_error")


class SideEnded(Exception):
    """A side has closed, or was lost."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.reason)
        self.ending = ending


class Side(Protocol):
    """One end. ``heard_at`` is when it last gave a sign of life, on the monotonic clock."""

    heard_at: float

    async def receive(self) -> str | bytes:
        """Return the next message. Raises SideEnded."""
        ...

    async def send(self, message: str | bytes) -> None:
        """Send one, waiting until it may. Raises SideEnded."""
        ...

    async def close(self, ending: Ending) -> None:
        """Say goodbye; nothing when it is gone."""
        ...


@dataclass(frozen=True)
class Patience:
    """How long a side may be silent while it is listened to, and how long it may refuse to take a message."""

    silent_seconds: float
    stuck_seconds: float


class _Half:
    """One direction."""

    def __init__(
        self, source: Side, target: Side, passed: Passed, check: Callable[[Any], Awaitable[None]] | None
    ) -> None:
        self.source = source
        self._passed = passed
        self.listening_at: float | None = None
        self.sending_at: float | None = None
        self._target = target
        self._check = check

    async def carry(self) -> None:
        """Carry until a side ends. Raises SideEnded."""
        receive, send, check, clock = self.source.receive, self._target.send, self._check, time.monotonic
        passed = self._passed
        while True:
            self.listening_at = clock()
            message = await receive()
            self.listening_at = None
            if check is not None:
                await check(message)
            self.sending_at = clock()
            await send(message)
            self.sending_at = None
            passed.size += len(message)


async def relay(
    client: Side,
    server: Side,
    *,
    patience: Patience,
    over: asyncio.Event,
    why: Callable[[], Ending],
    check: Callable[[Any], Awaitable[None]] | None = None,
) -> Ending:
    """Carry until one side ends or ``over`` is set; return how it ended. The sides are still to be closed.

    ``check`` sees each message of the client before it is carried and may take its time. ``why`` says how it
    ended once ``over`` is set.
    """
    asked, told = _Half(client, server, FROM_PEOPLE, check), _Half(server, client, TO_PEOPLE, None)
    endings: list[Ending] = []

    async def end_with(work: Callable[[], Awaitable[Ending | None]]) -> None:
        try:
            ending = await work()
        except SideEnded as ended:
            ending = ended.ending
        except Exception as failure:
            log.exception("a stream failed")
            ending = Ending.after(failure)
        endings.append(ending or Ending(NORMAL, ""))
        for task in tasks:
            if task is not asyncio.current_task():
                task.cancel()

    async def watch_over() -> Ending:
        await over.wait()
        return why()

    async def watch_silence() -> Ending:
        return await _watch(asked, told, patience)

    tasks: list[asyncio.Task[None]] = []
    async with asyncio.TaskGroup() as group:
        works = (asked.carry, told.carry, watch_over, watch_silence)
        tasks.extend(group.create_task(end_with(work)) for work in works)
    return endings[0]


async def _watch(asked: _Half, told: _Half, patience: Patience) -> Ending:
    """Return once the server is silent, or somebody takes nothing, for too long."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now = time.monotonic()
        listening = told.listening_at
        if listening is not None and now - max(listening, told.source.heard_at) > patience.silent_seconds:
            return Ending.of("timeout", "upstream_silent")
        if any(half.sending_at and now - half.sending_at > patience.stuck_seconds for half in (asked, told)):
            return Ending(GONE_AWAY, "too_slow")


class AsgiSide:
    """The side of whoever called us, in ASGI's own messages; its server answers pings and asks for pongs."""

    def __init__(
        self,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
        *,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        self.heard_at = time.monotonic()
        self._receive = receive
        self._send = send
        self._at_once: Callable[[str], bool] | None = (extensions or {}).get(AT_ONCE)
        self._gone = False

    async def receive(self) -> str | bytes:
        """Return the next message. Raises SideEnded."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            self._gone = True
            raise SideEnded(Ending(NORMAL, "client_left"))
        text = message.get("text")
        return text if text is not None else message["bytes"]

    async def send(self, message: str | bytes) -> None:
        """Send one. Raises SideEnded."""
        is_text = isinstance(message, str)
        if is_text and self._at_once is not None and self._at_once(message):
            return
        kind = "text" if is_text else "bytes"
        try:
            await self._send({"type": "websocket.send", kind: message})
        except (OSError, RuntimeError) as failure:  # the server's way to say that nobody is there
            self._gone = True
            raise SideEnded(Ending(NORMAL, "client_left")) from failure

    async def close(self, ending: Ending) -> None:
        """Say goodbye; nothing when it is gone."""
        if self._gone:
            return
        reason = ending.reason.encode()[:REASON_BYTES].decode(errors="ignore")
        try:
            await self._send({"type": "websocket.close", "code": ending.code, "reason": reason})
        except (OSError, RuntimeError):
            self._gone = True
