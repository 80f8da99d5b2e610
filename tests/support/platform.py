"""A whole platform for a test: ``zpack up`` in its own home, on free ports, in its own subnet."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from tests.support.waiting import eventually

START_SECONDS = 300.0
STOP_SECONDS = 180.0
PREPARED = Path(__file__).parent.parent.parent / ".pytest_cache" / "zpack-artifacts"
PORTS = ("port", "edge-port", "edge-registry-port", "localpve-port", "artifacts-port")


class Platform:
    """``zpack up`` as a person runs it. Enter it to start; leave it to stop."""

    def __init__(
        self, home: Path, *, subnet: str, isolation: str = "process", words: tuple[str, ...] = ()
    ) -> None:
        self.home = home
        self.said: dict[str, Any] = {}
        self.errors = home.parent / f"{home.name}.stderr"
        self._words = ["--home", str(home), "--isolation", isolation, "--subnet", subnet, *words]
        self._process: asyncio.subprocess.Process | None = None
        self._seen: set[tuple[int, str]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def api(self) -> str:
        return self.said["api"]

    @property
    def edge(self) -> tuple[str, int]:
        return "127.0.0.1", self.said["edgePort"]

    @property
    def admin(self) -> dict[str, str]:
        return self.said["admin"]

    async def start(self) -> None:
        """Start, and wait for the line that says it is ready."""
        await asyncio.to_thread(lend_artifacts, self.home / "artifacts")
        free = [word for name in PORTS for word in (f"--{name}", "0")]
        with self.errors.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "zpack", "up", "--json", "--no-dev", *free, *self._words,
                stdout=asyncio.subprocess.PIPE, stderr=errors, start_new_session=True,
            )  # fmt: skip
        assert self._process.stdout
        line = await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS)
        assert line, self.errors.read_text()[-3000:]
        admin = self.said.get("admin")
        self.said = json.loads(line)
        self.said["admin"] = self.said["admin"] or admin
        self.note()

    async def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Ask it to stop as Ctrl-C does; return its exit status."""
        assert self._process
        self.note()
        if self._process.returncode is None:
            # Not its send_signal, which may take the exit status of a process that has just ended.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, how)
        return await asyncio.wait_for(self._process.wait(), STOP_SECONDS)

    def pid(self, name: str) -> int:
        return int((self.home / "run" / f"{name}.pid").read_text())

    async def kill_control(self) -> int:
        """SIGKILL the API and worker; return the pid of the one that came back."""
        return await self.kill("control")

    async def kill(self, name: str) -> int:
        """SIGKILL a program; return the pid of the one that came back."""
        before = self.pid(name)
        os.kill(before, signal.SIGKILL)
        return await eventually(lambda: self._another(name, before), timeout=30, what=f"a new {name}")

    def _another(self, name: str, before: int) -> int | None:
        now = self.pid(name)
        return now if now != before and alive(now) else None

    def note(self) -> None:
        """Remember every process below the supervisor, to look for it afterwards."""
        assert self._process
        self._seen |= {(pid, born(pid)) for pid in descendants(self._process.pid)}

    def leftovers(self) -> list[str]:
        """Return what is left of it: processes once seen or naming the home, and mounts below the home."""
        home = str(self.home)
        found = [f"pid {pid}: {words}" for pid, words in commands().items() if home in words]
        found += [f"pid {pid}" for pid, birth in sorted(self._seen) if alive(pid) and born(pid) == birth]
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        return found + [f"mount {line}" for line in mounts if home in line]


def lend_artifacts(folder: Path) -> None:
    """Link the prepared engine into a new home; it is prepared once, for it takes some 20 s."""
    if folder.exists():
        return
    PREPARED.mkdir(parents=True, exist_ok=True)
    with (PREPARED.parent / "zpack-artifacts.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = [sys.executable, "-m", "zpack.artifacts", "prepare", "--home", str(PREPARED)]
        subprocess.run(words, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(PREPARED, folder, copy_function=os.link)


def alive(pid: int) -> bool:
    """Say whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def born(pid: int) -> str:
    """Return when a process began: another one may have its number later."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def descendants(root: int) -> set[int]:
    """Return the process ids below one."""
    try:
        children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    except OSError:
        return set()
    found = {int(pid) for pid in children}
    return found.union(*(descendants(pid) for pid in found))


def commands() -> dict[int, str]:
    """Return every other process's command line."""
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if pid != os.getpid() and alive(pid):
            found[pid] = words
    return found
