"""Runs what wakes by itself: workflows, pollers, reconcilers."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zpack.control.wiring import Work

log = logging.getLogger("zpack.worker")
STOP_SECONDS = 3.0


class Worker:
    """Owns the tasks of one worker process."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._group: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Resume what was left unfinished and begin polling."""
        await self._work.shards.renew()
        await self._work.workflows.launch()
        self._group = asyncio.create_task(self._run(), name="zpack-worker")

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for periodic in self._work.periodics:
                group.create_task(periodic.run(), name=periodic.name)
            group.create_task(self._work.heartbeat.run(), name="heartbeat")

    @property
    def alive(self) -> bool:
        """Whether the pollers run; readiness depends on it."""
        return self._group is not None and not self._group.done()

    async def stop(self) -> None:
        """End the pollers; interrupted workflows are resumed by the next start.

        What does not end in time ends with the process: redis-py 8.1 loses a cancellation that meets the
        end of its connection, and a database that is away lets one wait.
        """
        if self._group is not None:
            self._group.cancel()
        await self._work.workflows.close()
        if self._group is not None:
            await asyncio.wait({self._group}, timeout=STOP_SECONDS)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._work.shards.release()
        except Exception:  # the shards' leases run out by themselves
            log.warning("the shards could not be given back", exc_info=True)
