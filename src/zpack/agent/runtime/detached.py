"""Processes that may outlive the agent: what they say goes to a file, and a later agent finds them again.

Nothing but a process descriptor is held of them, so one that this agent started and one that an earlier agent
left are watched and ended in the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
from typing import TYPE_CHECKING

from zpack.agent.problems import WorkloadError
from zpack.agent.runtime.family import marked, start_time
from zpack.agent.runtime.process import Exit, LineCutter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from pwd import struct_passwd

    from zpack.agent.runtime.family import Orphans
    from zpack.agent.runtime.process import Command

TAIL_BYTES = 64 * 1024
MAX_LOG_BYTES = 4 * 1024 * 1024


class DetachedProcess:
    """One process, known by its descriptor. Its last words are read from its file when it has ended."""

    def __init__(
        self,
        pid: int,
        *,
        child: asyncio.subprocess.Process | None,
        orphans: Orphans,
        words: Callable[[], None],
    ) -> None:
        self.pid = pid
        self._child = child
        self._orphans = orphans
        self._words = words
        self._ended = asyncio.Event()
        self._descriptor = os.pidfd_open(pid)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._on_end)

    async def wait(self) -> Exit:
        """Wait for the end; how somebody else's child ended is not told to us."""
        await self._ended.wait()
        if self._child is None:
            return Exit(None, None)
        code = await self._child.wait()
        self._orphans.waited(self.pid)
        return Exit(None, -code) if code < 0 else Exit(code, None)

    def write_line(self, text: str) -> None:
        """It has no console. Raises :class:`WorkloadError`."""
        msg = f"nobody reads {text[:20]!r}"
        raise WorkloadError(msg)

    def signal(self, name: str) -> None:
        """Signal the process group, which is the session's first; nothing when it is gone."""
        if not self._ended.is_set() and not select.select([self._descriptor], [], [], 0)[0]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.Signals[name])

    def leave(self) -> None:
        """Watch it no longer, and let it live."""
        if not self._ended.is_set():
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._ended.set()

    def _on_end(self) -> None:
        self._words()
        self.leave()


class DetachedLauncher:
    """Starts processes in sessions of their own that do not end with the agent, and finds them again."""

    def __init__(self, *, orphans: Orphans, log: Path) -> None:
        self._orphans = orphans
        self._log = log

    async def launch(
        self, command: Command, *, on_line: Callable[[str], None], account: struct_passwd | None = None
    ) -> DetachedProcess:
        """Start a process whose last lines go to ``on_line`` when it ended. Raises :class:`WorkloadError`."""
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("wb"):
                pass  # each life begins its own file
            with self._log.open("ab") as log, self._orphans.starting():
                child = await asyncio.create_subprocess_exec(
                    *command.argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=command.cwd,
                    env=dict(command.env),
                    start_new_session=True,
                    user=account.pw_uid if account else None,
                    group=account.pw_gid if account else None,
                    extra_groups=() if account else None,
                )
                self._orphans.waited_for(child.pid)
        except OSError as error:
            msg = f"cannot start {command.argv[0]}: {error.strerror or error}"
            raise WorkloadError(msg) from error
        return self._watched(child.pid, child=child, on_line=on_line)

    def adopt(
        self, pid: int, started: int, *, mark: str, on_line: Callable[[str], None]
    ) -> DetachedProcess | None:
        """Return a process an earlier agent started, or ``None`` when that one is no more.

        Id and start time name one process for ever; the mark in its environment says whose it is.
        """
        if start_time(pid) != started or pid not in marked(mark):
            return None
        try:
            return self._watched(pid, child=None, on_line=on_line)
        except OSError:  # it ended just now
            return None

    def bound_log(self) -> None:
        """Empty the file when it has grown too large; whoever appends to it goes on at its beginning."""
        with contextlib.suppress(OSError):
            if self._log.stat().st_size > MAX_LOG_BYTES:
                os.truncate(self._log, 0)

    def _watched(
        self, pid: int, *, child: asyncio.subprocess.Process | None, on_line: Callable[[str], None]
    ) -> DetachedProcess:
        def words() -> None:
            for line in self._tail():
                on_line(line)

        return DetachedProcess(pid, child=child, orphans=self._orphans, words=words)

    def _tail(self) -> list[str]:
        try:
            with self._log.open("rb") as file:
                file.seek(max(0, self._log.stat().st_size - TAIL_BYTES))
                data = file.read(TAIL_BYTES)
        except OSError:
            return []
        cutter = LineCutter()
        return [*cutter.feed(data), *cutter.end()]
