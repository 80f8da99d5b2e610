"""A shell on a terminal of its own, for the people who work in a dev container.

There is one per container. Everybody who looks sees the same, and it waits a while for them to come back.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import fcntl
import os
import signal
import struct
import termios
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zpack.agent.console.ring import ConsoleRing
from zpack.agent.problems import WorkloadError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from zpack.agent.runtime.family import Orphans
    from zpack.agent.runtime.user import WorkloadUser

CHUNK = 16 * 1024
BYTES_PER_SECOND = 2 * 1024 * 1024
"""As fast as a shell may talk; it waits for the rest, as for any terminal."""
UNTYPED_BYTES = 64 * 1024
# A session's first process gets the terminal that it opens by name as its own.
ON_TERMINAL = ("/bin/sh", "-c", 'tty=$1; shift; exec "$@" <"$tty" >"$tty" 2>&1', "sh")


@dataclass(frozen=True)
class Account:
    """Who the shell runs as, ``None`` for whom the agent runs as, where it begins, and what is around it."""

    user: WorkloadUser | None
    folder: Path
    environment: Mapping[str, str]


class Shell:
    """One running shell. Its ring holds chunks of what it wrote, escape sequences and all."""

    def __init__(
        self, *, process: asyncio.subprocess.Process, master: int, slave: int, orphans: Orphans
    ) -> None:
        self.ring = ConsoleRing(clean=str)
        self.ended: str | None = None
        self._process = process
        self._master = master
        self._slave = slave
        """Held, so that a terminal which nobody has opened yet does not look like one that was closed."""
        self._orphans = orphans
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._untyped = b""
        self._loop = asyncio.get_running_loop()
        self._resuming: asyncio.TimerHandle | None = None
        os.set_blocking(master, False)
        self._loop.add_reader(master, self._read)
        self._waiting = asyncio.create_task(self._wait(), name="shell's end")

    @property
    def pid(self) -> int:
        """The shell's process, which leads its session."""
        return self._process.pid

    def type(self, keys: str) -> None:
        """Type keys. Raises :class:`WorkloadError` when too many wait to be read."""
        data = keys.encode(errors="replace")
        if self.ended or len(self._untyped) + len(data) > UNTYPED_BYTES:
            raise WorkloadError("the shell does not read its terminal")
        self._untyped += data
        self._write()

    def resize(self, columns: int, rows: int) -> None:
        """Tell it how large its terminal is."""
        if self._master >= 0:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def end(self) -> None:
        """Hang up, as a closed terminal does, then kill what stays of its session."""
        self._hang_up()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await asyncio.wait({self._waiting})

    async def _wait(self) -> None:
        await self._process.wait()
        self._orphans.waited(self.pid)
        while self._master >= 0 and self._read():
            pass
        self._hang_up()

    def _read(self) -> bool:
        """Read one chunk; false when there is none."""
        try:
            data = os.read(self._master, CHUNK)
        except BlockingIOError:
            return False
        if text := self._decoder.decode(data):
            self.ring.append(text)
        self._loop.remove_reader(self._master)
        self._resuming = self._loop.call_later(len(data) / BYTES_PER_SECOND, self._resume)
        return bool(data)

    def _resume(self) -> None:
        if self._master >= 0:
            self._loop.add_reader(self._master, self._read)

    def _write(self) -> None:
        try:
            self._untyped = self._untyped[os.write(self._master, self._untyped) :]
        except BlockingIOError:
            pass
        except OSError:
            self._untyped = b""
        if self._untyped:
            self._loop.add_writer(self._master, self._write)
        else:
            self._loop.remove_writer(self._master)

    def _hang_up(self) -> None:
        if self._master < 0:
            return
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        if self._resuming:
            self._resuming.cancel()
        master, self._master = self._master, -1
        os.close(master)
        os.close(self._slave)
        self.ended = "shell_ended"
        self.ring.close()


class Shells:
    """The container's one shell: begun by the first who looks, ended some time after the last has left."""

    def __init__(self, *, orphans: Orphans, account: Callable[[], Account], linger_seconds: float) -> None:
        self._orphans = orphans
        self._account = account
        self._linger_seconds = linger_seconds
        self._shell: Shell | None = None
        self._viewers = 0
        self._lingering: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._beginning = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def attached(self) -> AsyncGenerator[Shell]:
        """Hold the shell open. Raises :class:`WorkloadError`."""
        async with self._beginning:
            if self._shell is None or self._shell.ended:
                self._shell = await self._begin()
        shell = self._shell
        self._viewers += 1
        if self._lingering:
            self._lingering.cancel()
        try:
            yield shell
        finally:
            self._viewers -= 1
            if self._viewers == 0:
                loop = asyncio.get_running_loop()
                self._lingering = loop.call_later(self._linger_seconds, self._leave)

    async def close(self) -> None:
        """End the shell with the agent."""
        if self._lingering:
            self._lingering.cancel()
        self._leave()
        if self._ending:
            await asyncio.wait(self._ending)

    def _leave(self) -> None:
        shell, self._shell = self._shell, None
        if shell is not None:
            task = asyncio.create_task(shell.end(), name="shell's end")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _begin(self) -> Shell:
        account = self._account()
        become: dict[str, Any] = {}
        master, slave = os.openpty()
        try:
            if (user := account.user) is not None:
                become = {"user": user.uid, "group": user.gid, "extra_groups": []}
                os.fchown(slave, user.uid, user.gid)
            with self._orphans.starting():
                process = await asyncio.create_subprocess_exec(
                    *(*ON_TERMINAL, os.ttyname(slave), account.environment["SHELL"], "-i"),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                    cwd=account.folder if account.folder.is_dir() else Path("/"),
                    env=account.environment,
                    start_new_session=True,
                    **become,
                )
                self._orphans.waited_for(process.pid)
        except OSError as error:
            os.close(master)
            os.close(slave)
            raise WorkloadError(f"the shell does not start: {error.strerror or error}") from error
        shell = Shell(process=process, master=master, slave=slave, orphans=self._orphans)
        shell.resize(120, 40)
        return shell
