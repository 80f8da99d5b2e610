"""Pings every registered server and tells the API when its health changes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zpack.edge.ping import PingFailed, ping
from zpack.wire.edge import ProxyEvent

if TYPE_CHECKING:
    from zpack.edge.callbacks import Callbacks
    from zpack.edge.names import Target
    from zpack.wire.edge import ProxyStatus

AT_ONCE = 32


@dataclass(frozen=True)
class Rhythm:
    """Pauses between pings of one server, and how long one may take, in seconds."""

    healthy: float = 15.0
    failing: float = 3.0
    budget: float = 3.0
    with_header: bool = False
    """Whether backends expect a PROXY header, also from us."""


class Watch:
    """One task for each registered server, owned here."""

    def __init__(self, *, callbacks: Callbacks, rhythm: Rhythm) -> None:
        self._callbacks, self._rhythm = callbacks, rhythm
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def begin(self, target: Target, *, duplicate: bool) -> None:
        """Tell of a registration and watch the server from now on."""
        self._end(target.name)
        event = _event(target, "registered_with_proxy")
        event["duplicate"] = duplicate
        self._callbacks.send(event)
        self._tasks[target.name] = asyncio.get_running_loop().create_task(self._follow(target))

    def forget(self, name: str) -> None:
        """Stop watching a server that is gone."""
        self._end(name)
        self._callbacks.drop(name)

    async def close(self) -> None:
        """Stop watching."""
        for name in list(self._tasks):
            self._end(name)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _end(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _follow(self, target: Target) -> None:
        told: ProxyStatus | None = None
        while True:
            event = await self._look(target)
            if event["status"] != told:
                told = event["status"]
                self._callbacks.send(event)
            healthy = told == "proxy_ping_ok"
            await asyncio.sleep(self._rhythm.healthy if healthy else self._rhythm.failing)

    async def _look(self, target: Target) -> ProxyEvent:
        rhythm = self._rhythm
        try:
            async with self._slots:
                latency = await ping(target, seconds=rhythm.budget, with_header=rhythm.with_header)
        except PingFailed as failure:
            event = _event(target, "proxy_ping_failed")
            event["detail"] = str(failure)
        else:
            event = _event(target, "proxy_ping_ok")
            event["latency_ms"] = latency
        return event


def _event(target: Target, status: ProxyStatus) -> ProxyEvent:
    return ProxyEvent(
        server_name=target.name,
        status=status,
        address=target.address,
        port=target.port,
        timestamp=datetime.now(UTC).isoformat(),
    )
