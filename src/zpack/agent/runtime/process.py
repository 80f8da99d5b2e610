"""Starts a process and speaks with it: the seam at which a pipe can become a terminal."""

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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zpack.agent.runtime.family import Orphans
    from zpack.agent.runtime.user import WorkloadUser

CHUNK = 16 * 1024
MAX_LINE = 4096
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


class Process(Protocol):
    """A running workload."""

    pid: int

    async def wait(self) -> Exit:
        """Wait until it ended and its last words were read."""
        ...

    def write_line(self, text: str) -> None:
        """Type one line at its console. Raises :class:`WorkloadError`."""
        ...

    def signal(self, name: str) -> None:
        """Send a signal to its whole process group; nothing when it is gone."""
        ...


class Launcher(Protocol):
    """Starts workloads."""

    async def launch(self, command: Command, *, on_line: Callable[[str], None]) -> Process:
        """Start a process whose output goes to ``on_line``. Raises :class:`WorkloadError`."""
        ...


class LineCutter:
    """Cuts a byte stream into lines; an endless line is cut into pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that are complete now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        pieces = [line[at : at + MAX_LINE] for line in lines for at in range(0, max(len(line), 1), MAX_LINE)]
        while len(self._rest) > MAX_LINE:
            pieces.append(self._rest[:MAX_LINE])
            self._rest = self._rest[MAX_LINE:]
        return [_text(piece) for piece in pieces]

    def end(self) -> list[str]:
        """Return what was left without a newline."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode(errors="replace")


class FdProcess:
    """A process whose console is two descriptors of ours: pipes today, both ends of a terminal as well."""

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
                *(sys.executable, "-I", "-S", LAUNCH, str(os.getpid())),
                command.user.words if command.user else "-",
                *command.argv,
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
        try:
            async with asyncio.timeout(seconds):
                return await process.wait()
        except TimeoutError:
            msg = f"{command.argv[0]} did not finish within {seconds:.0f} s"
            raise WorkloadError(msg) from None
        finally:
            process.signal("SIGKILL")
            await process.wait()
