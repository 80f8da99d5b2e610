"""Finds and ends processes by descent, and reaps the orphans that fall to the agent.

The agent makes itself the reaper of its descendants (it is anyway as PID 1), so that a workload's child which
daemonised still ends up below the agent and cannot outlive a stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

PR_SET_CHILD_SUBREAPER = 36
PROC = Path("/proc")
POLL_SECONDS = 0.01
MAX_ENVIRON = 256 * 1024


def become_reaper() -> None:
    """Have orphaned descendants handed to this process rather than to PID 1."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/<pid>/stat`` after the name: state, ppid, …; empty when it is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return []
    return text[text.rfind(")") + 2 :].split()


def pids() -> list[int]:
    """Return all process ids that can be seen."""
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def children(pid: int) -> set[int]:
    """Return the direct children of a process, dead ones included."""
    found: set[int] = set()
    lists = list((PROC / str(pid) / "task").glob("*/children"))
    if not lists:  # a kernel without CONFIG_PROC_CHILDREN: look at everyone
        return {other for other in pids() if (stat := _stat(other)) and stat[1] == str(pid)}
    for path in lists:
        with contextlib.suppress(OSError):
            found.update(int(text) for text in path.read_text().split())
    return found


def descendants(pid: int) -> set[int]:
    """Return all living processes below one."""
    found: set[int] = set()
    todo = list(children(pid))
    while todo:
        child = todo.pop()
        if child not in found:
            found.add(child)
            todo.extend(children(child))
    return {each for each in found if (stat := _stat(each)) and stat[0] not in {"Z", "X"}}


def marked(marker: str, *, uid: int | None = None) -> set[int]:
    """Return the processes whose environment holds ``marker`` (``NAME=value``).

    Root without CAP_SYS_PTRACE may not look at another user's: all of ``uid`` that it may not look at count.
    """
    wanted = b"\0" + marker.encode() + b"\0"
    found: set[int] = set()
    for pid in pids():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if pid != os.getpid() and _holds(PROC / str(pid), wanted, uid=uid):
                found.add(pid)
    return found


def _holds(process: Path, wanted: bytes, *, uid: int | None) -> bool:
    try:
        with (process / "environ").open("rb") as file:
            return wanted in b"\0" + file.read(MAX_ENVIRON) + b"\0"
    except PermissionError:
        return uid is not None and process.stat().st_uid == uid
    except OSError:
        return False


def kill(targets: set[int]) -> None:
    """Send SIGKILL to each process that still is."""
    for pid in targets:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


async def end_below(pid: int, *, spare: int | None = None, seconds: float = 5.0) -> bool:
    """Kill everything below a process until nothing is left; false when something stayed.

    ``spare`` stays, with all below it.
    """
    return await _end(lambda: descendants(pid) - _family(spare), seconds)


async def end_marked(
    marker: str, *, uid: int | None = None, spare: int | None = None, seconds: float = 5.0
) -> bool:
    """Kill every process with the marker and what is below it, as a dead agent left them.

    ``spare`` stays, with all below it. False when something else stayed.
    """

    def found() -> set[int]:
        living = {p for p in marked(marker, uid=uid) if (s := _stat(p)) and s[0] not in {"Z", "X"}}
        return living - _family(spare)

    for pid in found():  # first what is below: a keeper collects its workload's orphans only while it lives
        await end_below(pid, spare=spare, seconds=seconds)
    return await _end(found, seconds)


def _family(pid: int | None) -> set[int]:
    return set() if pid is None else {pid, *descendants(pid)}


async def _end(find: Callable[[], set[int]], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while left := find():
        kill(left)  # a fork may have happened between finding and killing, so look again
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


class Orphans:
    """Reaps dead children that nobody waits for, and never one that somebody does."""

    def __init__(self) -> None:
        self._waited_for: set[int] = set()
        self._starting = 0

    @contextlib.contextmanager
    def starting(self) -> Generator[None]:
        """Hold the reaping back while a child exists whose pid is not known yet."""
        self._starting += 1
        try:
            yield
        finally:
            self._starting -= 1

    def waited_for(self, pid: int) -> None:
        """Somebody waits for this child."""
        self._waited_for.add(pid)

    def waited(self, pid: int) -> None:
        """It was waited for."""
        self._waited_for.discard(pid)

    def reap(self) -> int:
        """Reap dead orphans now; return how many. Called on SIGCHLD."""
        if self._starting:
            return 0
        count = 0
        for pid in children(os.getpid()) - self._waited_for:
            with contextlib.suppress(ChildProcessError):
                count += os.waitpid(pid, os.WNOHANG)[0] == pid
        return count
