"""Carries WebSocket messages between two sides, and knows nothing of what they say.

Both directions live in one task group and end together. What the client says goes message by message, for
each is looked at. What the server says passes as frames, without a task, for as long as the client takes
them. Nothing is queued here: whoever reads slowly slows down whoever talks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.frames import texts_of
from zpack.control.engine.measures import RELAYED
from zpack.wire.problem import CLOSE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from zpack.wire.problem import Kind

log = logging.getLogger("zpack.relay")
GONE_AWAY, NORMAL = 1001, 1000
AT_ONCE = "zpack.websocket.at_once"
"""ASGI extension of our server: sends whole text frames past every layer, or returns False."""
FROM_PEOPLE = RELAYED["socket", "in"]
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


class ClientSide(Protocol):
    """The end that asks."""

    async def receive(self) -> str | bytes:
        """Return the next message. Raises SideEnded."""
        ...

    def at_once(self, frames: bytes, /) -> bool:
        """Send whole text frames; False, with nothing sent, when it has to wait or cannot."""
        ...

    async def tell(self, frames: bytes) -> None:
        """Send whole text frames, waiting until they may. Raises SideEnded."""
        ...

    async def close(self, ending: Ending) -> None:
        """Say goodbye; nothing when it is gone."""
        ...


class ServerSide(Protocol):
    """The end that is asked."""

    @property
    def heard_at(self) -> float:
        """When it last gave a sign of life while it was listened to, on the monotonic clock."""
        ...

    @property
    def stuck_since(self) -> float | None:
        """Since when the client has not taken what it said; it is not listened to until then."""
        ...

    async def speak(self, client: ClientSide) -> None:
        """Pass on what it says until it ends. Raises SideEnded."""
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


class _Asking:
    """What the client says, on its way to the server."""

    def __init__(
        self, client: ClientSide, server: ServerSide, check: Callable[[Any], Awaitable[None]] | None
    ) -> None:
        self.sending_at: float | None = None
        self._client = client
        self._server = server
        self._check = check

    async def carry(self) -> None:
        """Carry until a side ends. Raises SideEnded."""
        while True:
            message = await self._client.receive()
            if self._check is not None:
                await self._check(message)
            self.sending_at = time.monotonic()
            await self._server.send(message)
            self.sending_at = None
            FROM_PEOPLE.size += len(message)


async def relay(
    client: ClientSide,
    server: ServerSide,
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
    asked = _Asking(client, server, check)
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

    async def speak() -> None:
        await server.speak(client)

    async def watch_silence() -> Ending:
        return await _watch(asked, server, patience)

    tasks: list[asyncio.Task[None]] = []
    async with asyncio.TaskGroup() as group:
        works = (asked.carry, speak, watch_over, watch_silence)
        tasks.extend(group.create_task(end_with(work)) for work in works)
    return endings[0]


async def _watch(asked: _Asking, server: ServerSide, patience: Patience) -> Ending:
    """Return once the server is silent, or somebody takes nothing, for too long."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now = time.monotonic()
        if server.stuck_since is None and now - server.heard_at > patience.silent_seconds:
            return Ending.of("timeout", "upstream_silent")
        if any(at and now - at > patience.stuck_seconds for at in (asked.sending_at, server.stuck_since)):
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
        self._receive = receive
        self._send = send
        self.at_once: Callable[[bytes], bool] = (extensions or {}).get(AT_ONCE, _not_at_once)
        self._gone = False

    async def receive(self) -> str | bytes:
        """Return the next message. Raises SideEnded."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            self._gone = True
            raise SideEnded(Ending(NORMAL, "client_left"))
        text = message.get("text")
        return text if text is not None else message["bytes"]

    async def tell(self, frames: bytes) -> None:
        """Send whole text frames, waiting until they may. Raises SideEnded."""
        try:
            for text in texts_of(frames):
                await self._send({"type": "websocket.send", "text": text})
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


def _not_at_once(frames: bytes) -> bool:
    """Take nothing: this server has no such way."""
    del frames
    return False
