"""Tasks: what a UPID names. Their status and log stay readable, the newest thousand of them."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING

from zpack.localpve.backends.base import BackendError
from zpack.localpve.errors import ApiError, bad_parameters
from zpack.localpve.history import KEPT, History, Task

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger("zpack.localpve")


class Tasks:
    """Runs tasks in the background and remembers them, with a ``history`` across restarts too."""

    def __init__(self, *, node: str, user: str, history: History | None = None) -> None:
        self._node = node
        self._user, _, self._token = user.partition("!")
        self._history = history
        self._tasks = {task.upid: task for task in (history.load() if history else ())}
        self._running: set[asyncio.Task[None]] = set()
        self._number = os.getpid()

    def start(
        self, kind: str, vmid: int, work: Callable[[Task], Awaitable[None]], *, node: str | None = None
    ) -> str:
        """Begin a task, on another node than ours when one is given, and return its UPID."""
        node = node or self._node
        self._number += 1
        now = int(time.time())
        user = f"{self._user}!{self._token}" if self._token else self._user
        ticks = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 100) & 0xFFFFFFFF
        pid = self._number & 0xFFFFFFFF
        upid = f"UPID:{node}:{pid:08X}:{ticks:08X}:{now:08X}:{kind}:{vmid}:{user}:"
        task = Task(upid, node, kind, vmid, self._user, self._token, now)
        self._tasks[upid] = task
        while len(self._tasks) > KEPT and next(iter(self._tasks.values())).exit is not None:
            del self._tasks[next(iter(self._tasks))]
        self._note(task)
        running = asyncio.create_task(self._run(task, work), name=upid)
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return upid

    def get(self, upid: str) -> Task:
        """Return a task. Raises ApiError."""
        task = self._tasks.get(upid)
        if task is None:
            looks_right = upid.startswith("UPID:") and upid.count(":") > 7  # noqa: PLR2004 - a UPID's parts
            raise bad_parameters({"upid": "no such task" if looks_right else "unable to parse worker upid"})
        return task

    def recent(self) -> list[Task]:
        """Return every remembered task, newest first."""
        return list(reversed(self._tasks.values()))

    async def drain(self, timeout: float | None = None) -> None:
        """Wait for running tasks, at most ``timeout`` seconds."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout)

    async def close(self, seconds: float) -> None:
        """Give running tasks some time, then cancel them: a guest deaf to its shutdown must not hold us."""
        await self.drain(seconds)
        for running in self._running:
            running.cancel()
        await self.drain()

    async def _run(self, task: Task, work: Callable[[Task], Awaitable[None]]) -> None:
        try:
            await work(task)
        except (BackendError, ApiError) as failure:
            self._end(task, str(failure).splitlines()[0][:400])
        except asyncio.CancelledError:
            self._end(task, "interrupted by signal")
            raise
        except Exception as failure:
            log.exception("%s failed", task.upid)
            self._end(task, f"unexpected: {type(failure).__name__}")
        else:
            self._end(task, "OK")

    def _end(self, task: Task, exit_status: str) -> None:
        task.lines.append("TASK OK" if exit_status == "OK" else f"TASK ERROR: {exit_status}")
        task.exit, task.ended = exit_status, int(time.time())
        self._note(task)

    def _note(self, task: Task) -> None:
        """Write the task down. A full disk must not fail the task itself."""
        if self._history is None:
            return
        try:
            self._history.append(task)
            if self._history.full:
                self._history.rewrite(list(self._tasks.values()))
        except OSError as failure:
            log.warning("the history of tasks cannot be written: %s", failure)
