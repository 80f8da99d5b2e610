"""The players' port: listens, owns every connection and every dialling task, ends them all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zpack.edge.limits import Counts, Rate
from zpack.edge.visitor import Premises, Terms, Visitor

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from zpack.edge.table import Table
    from zpack.edge.wakes import Wakes

BACKLOG = 512
FLUSH_SECONDS = 2.0


class PlayerPort:
    """Accepts players between ``listen`` and ``close``."""

    def __init__(self, *, table: Table, terms: Terms, wakes: Wakes) -> None:
        limits = terms.limits
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._premises = Premises(
            table=table,
            terms=terms,
            wakes=wakes,
            rate=Rate(rate=limits.rate, burst=limits.burst, clock=asyncio.get_running_loop().time),
            half_open=Counts(total=limits.half_open, per_address=limits.half_open_per_address),
            connected=Counts(total=limits.connections, per_address=limits.connections_per_address),
            spawn=self._spawn,
        )

    @property
    def connections(self) -> int:
        """Return how many players are connected, in any state."""
        return len(self._premises.visitors)

    @property
    def half_open(self) -> int:
        """Return how many of them no game server has answered yet."""
        return len(self._premises.half_open)

    @property
    def listening(self) -> bool:
        """Say whether new players are accepted."""
        return self._server is not None and self._server.is_serving()

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Listen, and return where. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Visitor(self._premises), host, port, backlog=BACKLOG, reuse_address=True
        )
        where = self._server.sockets[0].getsockname()
        return str(where[0]), int(where[1])

    async def close(self, *, drain_seconds: float = 0.0) -> None:
        """Accept nobody more, let players leave for a while, then end every connection."""
        if self._server is not None:
            self._server.close()
        await self._emptied(drain_seconds)
        for visitor in list(self._premises.visitors):
            visitor.close()
        await self._emptied(FLUSH_SECONDS)
        for visitor in list(self._premises.visitors):
            visitor.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _emptied(self, seconds: float) -> None:
        """Wait until nobody is left, at most so long."""
        premises = self._premises
        try:
            async with asyncio.timeout(seconds):
                while premises.visitors:
                    premises.departed.clear()
                    await premises.departed.wait()
        except TimeoutError:
            return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
