"""Proxmox's tasks: what a change answers is a UPID, and the change is over when its task is.

A task outlives us. Whoever keeps its UPID in a TaskNote finds it again after our death; when the answer with
the UPID was lost, the node's list of running tasks has it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from zpack.control.engine.backoff import pauses
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.proxmox_errors import (
    Garbled,
    Lost,
    Unreachable,
    error_for,
)
from zpack.control.outside.proxmox_facts import TaskRow, read_tasks, warnings_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from zpack.control.engine.budget import Budget

    Get = Callable[[str, Budget, Mapping[str, str]], Awaitable[Any]]

ENDED_WELL, WARNED = "OK", "WARNINGS"
FIRST_POLL, POLL_CAP = 0.05, 1.0
LOG_LINES = "500"


class TaskNote(Protocol):
    """Where the UPID of a running task is kept, by the task's kind, until it has ended."""

    async def begun(self, kind: str) -> str | None:
        """Return what an earlier try began."""
        ...

    async def note(self, kind: str, upid: str | None) -> None:
        """Keep a UPID, or forget it."""
        ...


class Tasks:
    """Reads and follows tasks. ``get`` makes one read of the API."""

    def __init__(self, get: Get) -> None:
        self._get = get

    async def follow(self, upid: str, budget: Budget) -> str | None:
        """Wait for a task's end; return its warnings. Raises what its exit status means.

        While its node cannot be reached the task may be running: it is asked for as long as the budget lasts.
        """
        path = f"/nodes/{node_of_task(upid)}/tasks/{quote(upid, safe='')}"
        away: ForeignError | None = None
        for pause in pauses(first=FIRST_POLL, factor=1.5, cap=POLL_CAP):
            try:
                end = await self._end(path, budget)
            except (Unreachable, Garbled) as failure:
                away = failure
            else:
                away = None
                if end is not None:
                    return await self._judged(path, end, budget)
            if pause > budget.left:
                reason = f": {away.message}" if away else ""
                message = f"a Proxmox task did not end in time{reason}"
                raise Lost(message, transient=True, timed_out=True) from away
            await asyncio.sleep(pause)
        raise AssertionError  # pauses never end

    async def list(self, node: str, budget: Budget, **filters: str) -> list[TaskRow]:
        """Return a node's recent tasks, newest first."""
        return read_tasks(await self._get(f"/nodes/{node}/tasks", budget, {"source": "all", **filters}))

    async def find_running(self, *, node: str, vmid: int, kind: str, budget: Budget) -> str | None:
        """Return the UPID of a task of this kind that runs on a container."""
        rows = await self.list(node, budget, vmid=str(vmid))
        return next((row.upid for row in rows if row.kind == kind and row.ended is None), None)

    async def _end(self, path: str, budget: Budget) -> str | None:
        """Return a task's exit status, None while it runs. Raises Interrupted: nobody knows it."""
        found = await self._get(f"{path}/status", budget, {})
        if not isinstance(found, dict) or "status" not in found:
            raise Garbled("the status of a task is not what Proxmox sends", transient=True)
        return str(found.get("exitstatus", "")) if found["status"] == "stopped" else None

    async def _judged(self, path: str, end: str, budget: Budget) -> str | None:
        if end.startswith(ENDED_WELL):
            return None
        if not end.startswith(WARNED):
            raise error_for(200, end)
        try:
            rows = await self._get(f"{path}/log", budget, {"limit": LOG_LINES})
        except ForeignError:  # the change is made; its warnings are only told
            return end
        return "; ".join([end, *warnings_of(rows)])


def node_of_task(upid: str) -> str:
    """Return the node a task runs on. Raises Garbled."""
    words = upid.split(":")
    if words[0] != "UPID" or len(words) < 8 or not words[1]:  # noqa: PLR2004 - the parts of a UPID
        raise Garbled("Proxmox answered a UPID that is none", transient=True, timed_out=True)
    return words[1]
