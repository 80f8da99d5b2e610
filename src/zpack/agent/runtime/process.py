"""What a process is to the agent, and how its own tools are started: on pipes, tied to its life."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from zpack.agent.problems import WorkloadError
from zpack.agent.runtime import launch
from zpack.agent.runtime.keeper import MAX_LINE, LineCutter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zpack.agent.runtime.family import Orphans
    from zpack.agent.runtime.user import WorkloadUser

CHUNK = 16 * 1024
LAST_WORDS_SECONDS = 0.5
LAUNCH = str(Path(launch.__file__))


@dataclass(frozen=True)
class Command:
    """What to run, where, with exactly which environment, and as whom (``None``: as the agent)."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    user: WorkloadUser | None = None


@dataclass(frozen=True)
class Exit:
    """How a process ended: by a code, or by a signal."""

    code: int | None
    signal: int | None

    def __str__(self) -> str:
        return f"signal {self.signal}" if self.code is None else f"code {self.code}"


@dataclass(frozen=True)
class Began:
    """When a workload began, on the monotonic clock, and what was true just before."""

    at: float
    line: int
    """The console's newest line."""
    oom_kills: int


class Process(Protocol):
    """A running workload."""

    pid: int
    began: Began

    async def wait(self) -> Exit:
        """Wait until it ended and its last words were read."""
        ...

    def write_line(self, text: str) -> None:
        """Type one line at its console. Raises :class:`WorkloadError`."""
        ...

    def signal(self, name: str) -> None:
        """Send a signal to its whole process group; nothing when it is gone."""
        ...

    def resize(self, columns: int, rows: int) -> None:
        """Tell it how large its terminal is."""
        ...


class KeptWorkload(Process, Protocol):
    """One that an earlier agent left with its keeper."""

    keeper: int


class Launcher(Protocol):
    """Starts workloads, and finds them again."""

    async def launch(self, command: Command, *, label: str) -> Process:
        """Start a workload. Raises :class:`WorkloadError`."""
        ...

    async def find(self, label: str) -> KeptWorkload | None:
        """Return what an earlier agent left running under this label."""
        ...

    async def close(self) -> None:
        """Wait until nothing of what ended is left to wait for."""
        ...


def launched(command: Command, *, parent: int) -> tuple[str, ...]:
    """Return the command line that gives up rights, ties itself to its parent and becomes the command."""
    user = command.user.words if command.user else "-"
    return (sys.executable, "-I", "-S", LAUNCH, str(parent), user, *command.argv)


class FdProcess:
    """A tool whose console is two pipes of ours."""

    def __init__(
        self, process: asyncio.subprocess.Process, *, orphans: Orphans, typed: int, said: int
    ) -> None:
        self.pid = process.pid
        self._process = process
        self._orphans = orphans
        self._typed = typed
        self._said = said
        self._closed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def read_to(self, on_line: Callable[[str], None]) -> None:
        """Begin to read. One chunk a turn, so that a talkative server cannot starve the agent's answers."""
        os.set_blocking(self._said, False)
        os.set_blocking(self._typed, False)
        self._loop.add_reader(self._said, self._read, LineCutter(), on_line)

    async def wait(self) -> Exit:
        """Wait for the end; output that a surviving child keeps open is given up after a moment."""
        # No pipe of asyncio's own is involved: its wait() would also wait for whoever still holds one.
        code = await self._process.wait()
        self._orphans.waited(self.pid)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._closed.wait()
        self._close()
        return Exit(None, -code) if code < 0 else Exit(code, None)

    def write_line(self, text: str) -> None:
        """Type one line. Raises :class:`WorkloadError` when nobody reads it."""
        try:
            # At most PIPE_BUF bytes: written wholly or not at all.
            os.write(self._typed, text.encode()[: MAX_LINE - 1] + b"\n")
        except OSError as error:
            raise WorkloadError("the server does not read its console") from error

    def signal(self, name: str) -> None:
        """Signal the process group, which is the session's first."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.Signals[name])

    def _read(self, cutter: LineCutter, on_line: Callable[[str], None]) -> None:
        try:
            data = os.read(self._said, CHUNK)
        except BlockingIOError:
            return
        except OSError:  # a terminal's way to say that the other end is closed
            data = b""
        for line in cutter.feed(data) if data else cutter.end():
            on_line(line)
        if not data:
            self._close()

    def _close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._loop.remove_reader(self._said)
            os.close(self._said)
            typed, self._typed = self._typed, -1
            os.close(typed)


class PipeLauncher:
    """Starts processes on pipes, each in its own session, tied to the agent's life."""

    def __init__(self, *, orphans: Orphans) -> None:
        self._orphans = orphans
        self.tools: set[int] = set()
        """Tools that run now: none of them is left over from the workload."""

    async def launch(self, command: Command, *, on_line: Callable[[str], None]) -> FdProcess:
        """Start a process. Raises :class:`WorkloadError`."""
        read_in, write_in = os.pipe()
        read_out, write_out = os.pipe()
        try:
            with self._orphans.starting():
                process = await self._spawn(command, stdin=read_in, stdout=write_out)
                self._orphans.waited_for(process.pid)
        except BaseException:
            os.close(write_in)
            os.close(read_out)
            raise
        finally:
            os.close(read_in)
            os.close(write_out)
        started = FdProcess(process, orphans=self._orphans, typed=write_in, said=read_out)
        started.read_to(on_line)
        return started

    async def _spawn(self, command: Command, *, stdin: int, stdout: int) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *launched(command, parent=os.getpid()),
                stdin=stdin,
                stdout=stdout,
                stderr=stdout,
                cwd=command.cwd,
                env=dict(command.env),
                start_new_session=True,
            )
        except OSError as error:
            msg = f"cannot start {command.argv[0]}: {error.strerror or error}"
            raise WorkloadError(msg) from error

    async def run(self, command: Command, *, on_line: Callable[[str], None], seconds: float) -> Exit:
        """Run a tool to its end, killing it after ``seconds`` or when cancelled. Raises as :meth:`launch`."""
        process = await self.launch(command, on_line=on_line)
        self.tools.add(process.pid)
        try:
            async with asyncio.timeout(seconds):
                return await process.wait()
        except TimeoutError:
            msg = f"{command.argv[0]} did not finish within {seconds:.0f} s"
            raise WorkloadError(msg) from None
        finally:
            process.signal("SIGKILL")
            await process.wait()
            self.tools.discard(process.pid)
