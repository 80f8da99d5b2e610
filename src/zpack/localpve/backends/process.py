"""Backend ``process``: each guest is a tree of ordinary processes in its own folder and session.

Works for everyone, isolates little. The tree is found by descent from its first process and by an environment
variable that every process of a guest inherits; this process is a subreaper, so that a daemon's orphans come
home instead of hiding under PID 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import resource
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING

import psutil

from zpack.localpve.backends.base import BackendError, Guest, Usage
from zpack.localpve.backends.console_log import ConsoleLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARK = "ZPACK_GUEST"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LOG_LIMIT = 4 << 20
FILES = 65536
PROCESSES = 16384
KILL_SECONDS = 10.0


async def probe() -> str | None:
    """Return why this backend cannot work here, or None."""
    return None if sys.platform == "linux" else "the process backend needs Linux"


class ProcessBackend:
    """Starts guests as plain processes."""

    name = "process"
    isolation = "files, network and users are shared with this machine; memory and CPU are not limited"

    def __init__(self, *, home: Path) -> None:
        self._home = home
        self._children: dict[int, asyncio.subprocess.Process] = {}
        self._consoles: dict[int, ConsoleLog] = {}
        _prctl(PR_SET_CHILD_SUBREAPER, 1)

    async def clone(self, guest: Guest) -> None:
        """Make the guest's folder, with a copy of the template's files."""
        folder = self._folder(guest)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        root = folder / "root"
        try:
            if guest.template.rootfs.is_dir():
                await asyncio.to_thread(shutil.copytree, guest.template.rootfs, root, symlinks=True)
            else:
                root.mkdir(parents=True)
        except OSError as failure:
            raise BackendError(f"cannot make {folder}: {failure.strerror}") from failure

    async def start(self, guest: Guest) -> None:
        """Start the first process; an older tree of the guest is ended first."""
        await self.stop(guest)
        folder = self._folder(guest)
        root = folder / "root"
        if not root.is_dir():
            raise BackendError(f"{root} is missing")
        words = {"vmid": str(guest.vmid), "ip": guest.ip, "hostname": guest.hostname, "root": str(root)}
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(root),
            "LANG": "C.UTF-8",
            **{key: _filled(value, words) for key, value in guest.template.env.items()},
            MARK: self._mark(guest),
        }
        console = ConsoleLog(folder / "console.log", limit=LOG_LIMIT)
        log = await console.open()
        self._consoles[guest.vmid] = console
        try:
            self._children[guest.vmid] = await asyncio.create_subprocess_exec(
                *(_filled(word, words) for word in guest.template.init),
                cwd=root,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_confined(os.getpid()),
            )
        except OSError as failure:
            raise BackendError(f"cannot start {guest.template.init[0]}: {failure.strerror}") from failure
        finally:
            os.close(log)

    async def shutdown(self, guest: Guest, *, timeout: float) -> None:
        """Send SIGTERM to the first process and wait for the whole tree."""
        child = self._children.get(guest.vmid)
        if child is not None and child.returncode is None:
            child.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(child.wait(), timeout)
            except TimeoutError:
                raise BackendError(f"CT {guest.vmid} did not end within {timeout:.0f} s") from None
        await self.stop(guest)

    async def stop(self, guest: Guest) -> None:
        """Kill the tree until nothing of it is left."""
        deadline = time.monotonic() + KILL_SECONDS
        while True:
            child = self._children.get(guest.vmid)
            if child is not None and child.returncode is None:
                await asyncio.to_thread(_kill_family, child.pid)
            tree = await asyncio.to_thread(lambda: list(self._tree(guest)))
            for process in tree:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            if child is not None:
                await child.wait()
            if not tree:
                self._children.pop(guest.vmid, None)
                self._reap()
                await self._hang_up(guest.vmid)
                return
            if time.monotonic() > deadline:
                raise BackendError(f"processes of CT {guest.vmid} cannot be ended")
            await asyncio.sleep(0.01)

    async def running(self, guest: Guest) -> bool:
        """Say whether the first process lives."""
        child = self._children.get(guest.vmid)
        return child is not None and child.returncode is None

    async def usage(self, guest: Guest) -> Usage:
        """Add up the session's processes."""
        child = self._children.get(guest.vmid)
        if child is None or child.returncode is not None:
            return Usage()
        return await asyncio.to_thread(_measured, child.pid)

    async def destroy(self, guest: Guest) -> None:
        """Remove the folder."""
        await self.stop(guest)
        await asyncio.to_thread(shutil.rmtree, self._folder(guest), ignore_errors=True)

    async def address(self, guest: Guest) -> str:
        """Return the guest's loopback address."""
        return guest.ip

    async def clear(self) -> None:
        """Kill what is left of this home's guests, also of a killed localpve's. Raises BackendError."""
        deadline = time.monotonic() + KILL_SECONDS
        while left := await asyncio.to_thread(lambda: list(self._marked(f"{self._home}:"))):
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            if time.monotonic() > deadline:
                raise BackendError(f"processes of an earlier run cannot be ended: {[p.pid for p in left]}")
            self._reap()
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Kill what is left of any guest. Raises BackendError."""
        await self.clear()
        for vmid in list(self._consoles):
            await self._hang_up(vmid)

    async def _hang_up(self, vmid: int) -> None:
        console = self._consoles.pop(vmid, None)
        if console is not None:
            await console.close()

    def _reap(self) -> None:
        """Collect dead orphans that came to us as their subreaper; asyncio collects the first processes."""
        ours = {child.pid for child in self._children.values()}
        for orphan in psutil.Process().children():
            with contextlib.suppress(psutil.Error, OSError):
                if orphan.pid not in ours and orphan.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(orphan.pid, os.WNOHANG)

    def _folder(self, guest: Guest) -> Path:
        return self._home / "guests" / str(guest.vmid)

    def _mark(self, guest: Guest) -> str:
        return f"{self._home}:{guest.vmid}"

    def _tree(self, guest: Guest) -> Iterator[psutil.Process]:
        """Yield every living process of the guest, however it detached itself."""
        mark = self._mark(guest)
        for process in self._marked(mark):
            if _environment(process).get(MARK) == mark:
                yield process

    def _marked(self, prefix: str) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            if _environment(process).get(MARK, "").startswith(prefix) and process.pid != os.getpid():
                yield process


def _kill_family(pid: int) -> None:
    """Freeze a process, kill its descendants until it has none, then kill it.

    A first process that is a subreaper keeps its orphans below it while it is frozen, so none escapes.
    """
    with contextlib.suppress(psutil.Error, OSError):
        first = psutil.Process(pid)
        first.suspend()
        deadline = time.monotonic() + KILL_SECONDS
        while time.monotonic() < deadline:
            below = [p for p in first.children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]
            if not below:
                break
            for process in below:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _environment(process: psutil.Process) -> dict[str, str]:
    """Return a process's first environment; zombies and other users' processes have none."""
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def _measured(pid: int) -> Usage:
    try:
        first = psutil.Process(pid)
        family = [first, *first.children(recursive=True)]
        memory = sum(p.memory_info().rss for p in family if p.is_running())
        return Usage(pid=pid, mem=memory, uptime=int(time.time() - first.create_time()))
    except psutil.Error:
        return Usage(pid=pid)


def _filled(text: str, words: dict[str, str]) -> str:
    for key, value in words.items():
        text = text.replace(f"{{{key}}}", value)
    return text


def quota(hard: int) -> int:
    """Return how many processes a user who is not root may have before guests get no more.

    The kernel counts all of the user's, so a fork bomb in a guest is stopped while we still can fork.
    """
    return PROCESSES if hard == resource.RLIM_INFINITY else max(hard * 3 // 4, 1)


def _confined(parent: int):  # noqa: ANN202 - a closure for the child process
    """Return what the child does before its program: limits, and an end together with us."""

    def confine() -> None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(PR_SET_CHILD_SUBREAPER, 1)  # as PID 1 of a container is: what detaches itself stays below
        if os.getppid() != parent:
            os._exit(1)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        files = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if os.geteuid() != 0:
            processes = quota(resource.getrlimit(resource.RLIMIT_NPROC)[1])
            resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))

    return confine


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
