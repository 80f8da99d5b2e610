"""Changes that cost one apply however many they are: whoever waits meanwhile goes together.

One at a time takes the turn and does the work of all who wait; the others find theirs done.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MOST = 16
Evidence = dict[str, Any]


class Frame(Protocol):
    """What stands around a batch."""

    async def begin(self) -> str | None:
        """Return what can be gone back to. Raises ForeignError."""
        ...

    async def commit(self, mark: str | None) -> None:
        """Make the batch's changes live. Raises ForeignError."""
        ...

    async def abort(self, mark: str | None) -> None:
        """Go back, as far as that can be done."""
        ...


@dataclass(eq=False)
class Job:
    """One change: it returns its evidence, or None when there was nothing to change."""

    work: Callable[[], Awaitable[Evidence | None]]
    done: bool = False
    evidence: Evidence = field(default_factory=dict[str, Any])
    failure: ForeignError | None = None


class Batches:
    """Puts changes of one process into batches."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._turn = asyncio.Lock()
        self._waiting: list[Job] = []

    async def run(self, work: Callable[[], Awaitable[Evidence | None]]) -> Evidence:
        """Do the work in the next batch. Raises ForeignError: its own, or that of the whole batch."""
        job = Job(work)
        self._waiting.append(job)
        try:
            while not job.done:
                async with self._turn:
                    if not job.done:
                        await self._do()
        finally:
            if job in self._waiting:
                self._waiting.remove(job)
        if job.failure is not None:
            raise job.failure
        return job.evidence

    def _taken(self) -> list[Job]:
        taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        return taken

    async def _do(self) -> None:
        """Do one batch. Those that fail by themselves do not keep the others from becoming live."""
        mark: str | None = None
        jobs: list[Job] = []
        whole = ForeignError("the change was interrupted", transient=True, timed_out=True)
        try:
            mark = await self._frame.begin()
            jobs = self._taken()  # those, too, who came while it began
            changed = [job for job in jobs if await self._changed(job)]
            if changed:
                await self._frame.commit(mark)
            elif any(job.failure for job in jobs):
                await self._frame.abort(mark)
        except ForeignError as failure:
            await self._frame.abort(mark)
            self._end(jobs or self._taken(), failure)
        except BaseException:
            self._end(jobs, whole)
            await self._frame.abort(mark)
            raise
        else:
            self._end(jobs, None)

    async def _changed(self, job: Job) -> bool:
        try:
            found = await job.work()
        except ForeignError as failure:
            job.failure = failure
            return False
        job.evidence = found or {}
        return found is not None

    def _end(self, jobs: list[Job], failure: ForeignError | None) -> None:
        for job in jobs:
            job.failure = job.failure or failure
            job.done = True
