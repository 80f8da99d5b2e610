"""Tasks: what a UPID names. Their status and log stay readable, the newest thousand of them."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zpack.localpve.backends.base import BackendError
from zpack.localpve.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger("zpack.localpve")
KEPT = 1000


@dataclass
class Task:
    """One task. ``exit`` is None while it runs, then ``OK`` or the error's text."""

    upid: str
    node: str
    kind: str
    vmid: int
    user: str
    token: str
    started: int
    lines: list[str] = field(default_factory=list[str])
    exit: str | None = None
    ended: int | None = None

    def status(self) -> dict[str, Any]:
        """Return ``GET …/tasks/{upid}/status``."""
        _, _, pid, pstart, *_ = self.upid.split(":")
        row: dict[str, Any] = {
            "upid": self.upid,
            "node": self.node,
            "type": self.kind,
            "id": str(self.vmid),
            "user": self.user,
            "tokenid": self.token,
            "pid": int(pid, 16),
            "pstart": int(pstart, 16),
            "starttime": self.started,
            "status": "running" if self.exit is None else "stopped",
        }
        return row if self.exit is None else {**row, "exitstatus": self.exit}

    def row(self) -> dict[str, Any]:
        """Return the task's row in ``GET …/tasks``, where ``status`` is the exit status."""
        row = {k: v for k, v in self.status().items() if k not in {"status", "exitstatus"}}
        if self.exit is None:
            return row
        return {**row, "status": self.exit, "endtime": self.ended}

    def log(self, start: int, limit: int) -> list[dict[str, Any]]:
        """Return numbered log lines, counted from 1."""
        chosen = self.lines[start : start + limit] if limit else self.lines[start:]
        return [{"n": start + n, "t": text} for n, text in enumerate(chosen, 1)]


class Tasks:
    """Runs tasks in the background and remembers them."""

    def __init__(self, *, node: str, user: str) -> None:
        self._node = node
        self._user, _, self._token = user.partition("!")
        self._tasks: dict[str, Task] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._number = os.getpid()

    def start(self, kind: str, vmid: int, work: Callable[[Task], Awaitable[None]]) -> str:
        """Begin a task and return its UPID."""
        self._number += 1
        now = int(time.time())
        user = f"{self._user}!{self._token}" if self._token else self._user
        ticks = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 100) & 0xFFFFFFFF
        pid = self._number & 0xFFFFFFFF
        upid = f"UPID:{self._node}:{pid:08X}:{ticks:08X}:{now:08X}:{kind}:{vmid}:{user}:"
        task = Task(upid, self._node, kind, vmid, self._user, self._token, now)
        self._tasks[upid] = task
        while len(self._tasks) > KEPT and next(iter(self._tasks.values())).exit is not None:
            del self._tasks[next(iter(self._tasks))]
        running = asyncio.create_task(self._run(task, work), name=upid)
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return upid

    def get(self, upid: str) -> Task:
        """Return a task. Raises ApiError."""
        task = self._tasks.get(upid)
        if task is None:
            raise ApiError(500, "unable to parse worker upid" if upid.count(":") < 7 else "no such task")  # noqa: PLR2004 - a UPID's parts
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
        except Exception as failure:
            log.exception("%s failed", task.upid)
            self._end(task, f"unexpected: {type(failure).__name__}")
        else:
            task.lines.append("TASK OK")
            task.exit, task.ended = "OK", int(time.time())

    def _end(self, task: Task, reason: str) -> None:
        task.lines.append(f"TASK ERROR: {reason}")
        task.exit, task.ended = reason, int(time.time())
