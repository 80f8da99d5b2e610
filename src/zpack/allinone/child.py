"""One supervised program: started, waited for, logged, restarted when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

READY_SECONDS = 60.0
STOP_SECONDS = 40.0
CRASHES = 6
WINDOW = 60.0
PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
LOG_LIMIT = 8 << 20
TAIL = 12


def ends_with_us() -> dict[str, str]:
    """Return what makes a program of ours end together with this process."""
    return {"ZPACK_PDEATHSIG": "1", "ZPACK_PARENT_PID": str(os.getpid())}


class ChildFailed(Exception):
    """A program could not be started, or died too often; the text ends with its last lines."""


class Child:
    """A program that prints one JSON line when it is ready, and its log to stderr."""

    def __init__(self, *, name: str, argv: Sequence[str], environment: Mapping[str, str], home: Path) -> None:
        self.name = name
        self.announced: dict[str, Any] = {}
        self._argv = argv
        self._environment = {**os.environ, **environment, "PYTHONUNBUFFERED": "1", **ends_with_us()}
        self._log = home / "log" / f"{name}.log"
        self._pidfile = home / "run" / f"{name}.pid"
        self._process: asyncio.subprocess.Process | None = None
        self._deaths: deque[float] = deque(maxlen=CRASHES)
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """Return the process id while the program runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def start(self) -> None:
        """Start the program and wait for its ready line. Raises ChildFailed."""
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.1"))
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        self._pidfile.write_text(f"{self._process.pid}\n")
        try:
            async with asyncio.timeout(READY_SECONDS):
                self.announced = await self._ready_line()
        except TimeoutError:
            await self._end()
            raise ChildFailed(f"{self.name} was not ready in {READY_SECONDS:.0f} s\n{self.tail()}") from None

    async def ended(self) -> int | None:
        """Wait until the program has ended; return its exit status."""
        return await self._process.wait() if self._process is not None else None

    async def watch(self) -> None:
        """Restart the program whenever it dies. Raises ChildFailed when it dies too often."""
        while not self._stopping:
            assert self._process is not None, "start() comes first"  # noqa: S101 - a programming error
            status = await self._process.wait()
            if self._stopping:
                return
            self._deaths.append(time.monotonic())
            recent = [moment for moment in self._deaths if time.monotonic() - moment < WINDOW]
            if len(recent) >= CRASHES:
                message = f"{self.name} died {CRASHES} times within a minute (last: {status})"
                raise ChildFailed(f"{message}\n{self.tail()}")
            await asyncio.sleep(PAUSES[min(len(recent), len(PAUSES)) - 1])
            if not self._stopping:
                with contextlib.suppress(ChildFailed):
                    await self.start()

    async def stop(self) -> None:
        """End the program: SIGTERM, and after a while SIGKILL."""
        self._stopping = True
        await self._end()

    async def _end(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        self._pidfile.unlink(missing_ok=True)

    def tail(self) -> str:
        """Return the last lines of the program's log."""
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-TAIL:])

    async def _ready_line(self) -> dict[str, Any]:
        assert self._process is not None  # noqa: S101 - set by start()
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        while line := await self._process.stdout.readline():
            with contextlib.suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict) and found.get("ready") is True:
                    return found
        status = await self._process.wait()
        raise ChildFailed(f"{self.name} ended with {status} before it was ready\n{self.tail()}")
