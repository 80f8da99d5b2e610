"""Long-lived channels to people: how many there may be, and their end soon after the right to them ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from zpack.control.engine import measures
from zpack.control.engine.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping

log = logging.getLogger("zpack.channels")
RIGHTS_SECONDS = 0.5
"""Seconds between two looks at whether the rights still are."""
AT_ONCE = 500
"""Channels that are looked at together: what flows through the others waits for no more than these."""
LINGER_SECONDS = 15.0
"""An ended channel that nobody serves is forgotten after this."""


class TooManyStreams(Refusal):
    """The caller, or everybody together, listens too often already."""

    kind = "limit"
    code = "too_many_streams"


class Channel:
    """One open channel. ``keys`` are what the limits count by; ``seconds`` is how long the right lasts."""

    kind: ClassVar[str] = "other"
    """What it is called among what is measured."""

    def __init__(self, *, keys: Collection[str], seconds: float) -> None:
        self.keys = tuple(keys)
        self.seconds = seconds
        self.ended: str | None = None
        self.ended_at = 0.0
        self.over = asyncio.Event()

    def end(self, reason: str) -> None:
        """End it; ``reason`` is told to whoever is at the other end."""
        if self.ended is None:
            self.ended, self.ended_at = reason, time.monotonic()
        self.over.set()


C = TypeVar("C", bound=Channel)


class Channels(Generic[C]):
    """Every channel of one kind in this process.

    ``lost`` returns those whose right is gone, with the reason; it is asked twice a second.
    """

    def __init__(
        self, *, lost: Callable[[Collection[C]], Awaitable[Mapping[C, str]]], most: int, per_key: int
    ) -> None:
        self._lost = lost
        self._most = most
        self._per_key = per_key
        self._open: dict[C, asyncio.TimerHandle] = {}
        self._count: Counter[str] = Counter()
        self._watching: asyncio.Task[None] | None = None

    def __iter__(self) -> Iterator[C]:
        return iter(list(self._open))

    def __len__(self) -> int:
        return len(self._open)

    def open(self, channel: C) -> None:
        """Count a channel in. Raises TooManyStreams."""
        if len(self._open) >= self._most or any(self._count[key] >= self._per_key for key in channel.keys):
            raise TooManyStreams("Too many streams are open.", details={"retryAfter": 10})
        loop = asyncio.get_running_loop()
        self._count.update(channel.keys)
        measures.STREAMS_OPEN.labels(channel.kind).inc()
        self._open[channel] = loop.call_later(channel.seconds, channel.end, "token_expired")
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="rights")

    def close(self, channel: C) -> None:
        """Forget a channel; with the last one nobody watches any more."""
        timer = self._open.pop(channel, None)
        if timer is not None:
            timer.cancel()
            measures.STREAMS_OPEN.labels(channel.kind).dec()
            self._count.subtract(channel.keys)
            for key in channel.keys:
                if self._count[key] <= 0:
                    del self._count[key]
        if not self._open and self._watching is not None:
            self._watching.cancel()
            self._watching = None

    def shut(self) -> None:
        """End every channel: the process stops."""
        for channel in self:
            channel.end("server_stopping")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(RIGHTS_SECONDS)
            everyone = list(self._open)
            try:
                for first in range(0, len(everyone), AT_ONCE):
                    await self._look_at(everyone[first : first + AT_ONCE])
            except Exception:  # a database away for a moment must not end every stream
                log.warning("the rights of listeners cannot be read", exc_info=True)

    async def _look_at(self, channels: list[C]) -> None:
        for channel in channels:
            if channel.ended and time.monotonic() > channel.ended_at + LINGER_SECONDS:
                self.close(channel)  # nobody serves it, so it could not end by itself
        for channel, reason in (await self._lost([each for each in channels if each.ended is None])).items():
            channel.end(reason)
