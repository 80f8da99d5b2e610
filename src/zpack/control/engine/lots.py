"""Work that is cheaper together: while one lot is under way, what comes meanwhile becomes the next lot."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Sequence

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Lots(Generic[Item, Outcome]):
    """Gathers items without waiting for them; two of one key never meet in one lot.

    Args:
        work: returns one outcome per item, in their order; an outcome may be an exception.
        key: what two items must not share.
        most: items of a lot.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome | Exception]]],
        *,
        key: Callable[[Item], Hashable],
        most: int,
    ) -> None:
        self._work = work
        self._key = key
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Outcome]]] = []
        self._running: asyncio.Task[None] | None = None

    async def do(self, item: Item) -> Outcome:
        """Have an item done with the next lot; return its outcome or raise it."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await future

    async def close(self) -> None:
        """Break off; whoever still waits is told so by cancellation."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        for _, future in self._waiting:
            future.cancel()
        self._waiting.clear()

    async def _run(self) -> None:
        while self._waiting:
            lot = self._next()
            try:
                outcomes = await self._work([item for item, _ in lot])
            except asyncio.CancelledError:
                for _, future in lot:
                    future.cancel()
                raise
            except Exception as failure:  # noqa: BLE001 - it is raised where it was waited for
                outcomes = [failure] * len(lot)
            for (_, future), outcome in zip(lot, outcomes, strict=True):
                _settle(future, outcome)

    def _next(self) -> list[tuple[Item, asyncio.Future[Outcome]]]:
        """Take what nobody gave up and what does not meet its like."""
        lot: list[tuple[Item, asyncio.Future[Outcome]]] = []
        rest: list[tuple[Item, asyncio.Future[Outcome]]] = []
        keys: set[Hashable] = set()
        for item, future in self._waiting:
            key = self._key(item)
            if future.done():
                continue
            if key in keys or len(lot) == self._most:
                rest.append((item, future))
            else:
                lot.append((item, future))
            keys.add(key)
        self._waiting = rest
        return lot


def _settle(future: asyncio.Future[Outcome], outcome: Outcome | Exception) -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
