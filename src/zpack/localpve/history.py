"""Tasks of earlier runs: a task that a client still follows must be found after the node was killed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

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


class History:
    """A file of tasks, one JSON row for each beginning and each end; the last row of a UPID counts.

    Rows are handed to the kernel at once, so they survive our SIGKILL; a torn row is left out. They are not
    synced: after a loss of power no client follows a task any more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows = 0

    def load(self) -> list[Task]:
        """Return the newest tasks, oldest first. One that never ended has Proxmox's ``unexpected status``."""
        found: dict[str, Task] = {}
        for line in self._path.read_bytes().splitlines() if self._path.exists() else ():
            try:
                task = Task(**json.loads(line))
                task.status()
            except (ValueError, TypeError):
                continue
            found[task.upid] = task
        tasks = list(found.values())[-KEPT:]
        for task in tasks:
            if task.exit is None:
                task.exit, task.ended = "unexpected status", task.started
        self.rewrite(tasks)
        return tasks

    def append(self, task: Task) -> None:
        """Write down how a task stands now."""
        with self._path.open("ab", buffering=0) as file:
            file.write(_row(task))
        self._rows += 1

    @property
    def full(self) -> bool:
        """Say whether most rows are superseded or too old."""
        return self._rows > 4 * KEPT

    def rewrite(self, tasks: list[Task]) -> None:
        """Keep only these tasks."""
        beside = self._path.with_suffix(".new")
        beside.write_bytes(b"".join(_row(task) for task in tasks))
        beside.replace(self._path)
        self._rows = len(tasks)


def _row(task: Task) -> bytes:
    return json.dumps(vars(task)).encode() + b"\n"
