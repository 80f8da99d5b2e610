"""The kernel's control groups of one guest: their limits, what they hold, how they are emptied and removed.

Works on the older hierarchies (one per controller), on the unified one, and on machines that have both; which
controller is where is looked up, never assumed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from zpack.localpve.backends.base import BackendError

ROOT = Path("/sys/fs/cgroup")
NEEDED = ("memory", "cpu", "pids")
PERIOD = 100_000
EMPTY_SECONDS = 10.0


def missing(root: Path = ROOT) -> str | None:
    """Return why limits cannot be set here, or None."""
    unified = _words(root / "cgroup.controllers")
    for controller in NEEDED:
        folder = root if controller in unified else root / controller
        if controller not in unified and not (folder / "cgroup.procs").exists():
            return f"the kernel's {controller} control group is not mounted below {root}"
        trial = folder / f"zpack-probe-{os.getpid()}"
        try:
            trial.mkdir()
            trial.rmdir()
        except OSError as failure:
            return f"{folder} is not writable: {failure.strerror}"
    return None


def limits(*, memory: int, swap: int, cores: int, pids: int, root: Path = ROOT) -> list[tuple[str, str]]:
    """Return LXC's settings for these limits (MiB, MiB, counts), in the words of the hierarchy in use."""
    unified = _words(root / "cgroup.controllers")
    both = memory + swap
    new = {
        "memory": [("memory.max", f"{memory}M"), ("memory.swap.max", f"{swap}M")],
        "cpu": [("cpu.max", f"{cores * PERIOD} {PERIOD}")],
        "pids": [("pids.max", str(pids))],
    }
    old = {
        "memory": [("memory.limit_in_bytes", f"{memory}M")],
        "cpu": [("cpu.cfs_period_us", str(PERIOD)), ("cpu.cfs_quota_us", str(cores * PERIOD))],
        "pids": [("pids.max", str(pids))],
    }
    if (root / "memory/memory.memsw.limit_in_bytes").exists():
        old["memory"].append(("memory.memsw.limit_in_bytes", f"{both}M"))
    found: list[tuple[str, str]] = []
    for controller in NEEDED:
        prefix, table = ("lxc.cgroup2", new) if controller in unified else ("lxc.cgroup", old)
        found += [(f"{prefix}.{key}", value) for key, value in table[controller]]
    return found


class Group:
    """One named group in every hierarchy it exists in."""

    def __init__(self, name: str, *, root: Path = ROOT) -> None:
        self.name = name
        self._root = root

    def folders(self) -> list[Path]:
        """Return the group's folder in each hierarchy."""
        places = [self._root, *(entry for entry in self._root.iterdir() if entry.is_dir())]
        return [place / self.name for place in places if (place / self.name / "cgroup.procs").exists()]

    def processes(self) -> set[int]:
        """Return every process in the group or below it."""
        places = [place for folder in self.folders() for place in _with_those_below(folder)]
        return {int(word) for place in places for word in _words(place / "cgroup.procs")}

    def first(self) -> int:
        """Return the host's process id of the container's PID 1; 0 when there is none."""
        best: tuple[int, int] | None = None
        for pid in self.processes():
            line = _line(Path(f"/proc/{pid}/status"), "NSpid:")
            if len(line) > 1 and line[-1] == "1" and (best is None or len(line) < best[0]):
                best = (len(line), pid)
        return best[1] if best else 0

    def kill(self) -> None:
        """End every process of the group. Raises BackendError when some do not die."""
        deadline = time.monotonic() + EMPTY_SECONDS
        while processes := self.processes():
            for switch in (folder / "cgroup.kill" for folder in self.folders()):
                if switch.exists():  # the newer hierarchy kills all at once, faster than any fork
                    with contextlib.suppress(OSError):  # LXC's monitor removes groups beside us
                        switch.write_text("1")
            for pid in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise BackendError(f"processes of {self.name} cannot be ended: {sorted(processes)}")
            time.sleep(0.005)

    def remove(self) -> None:
        """Remove the emptied group everywhere. Raises BackendError when the kernel keeps one."""
        deadline = time.monotonic() + EMPTY_SECONDS
        while folders := self.folders():
            for place in (place for folder in folders for place in reversed(_with_those_below(folder))):
                with contextlib.suppress(OSError):  # a dying process holds it a moment longer
                    place.rmdir()
            if time.monotonic() > deadline:
                raise BackendError(f"control group {self.name} cannot be removed")
            time.sleep(0.002)

    def memory(self) -> int:
        """Return bytes in use, without the file cache that the kernel would give back."""
        for folder in self.folders():
            for name, key in (
                ("memory.usage_in_bytes", "total_inactive_file"),
                ("memory.current", "inactive_file"),
            ):
                used = _words(folder / name)
                if used:
                    cache = _line(folder / "memory.stat", key)
                    return max(0, int(used[0]) - (int(cache[0]) if cache else 0))
        return 0

    def cpu_seconds(self) -> float:
        """Return processor time used since the group began."""
        for folder in self.folders():
            old = _words(folder / "cpuacct.usage")
            if old:
                return int(old[0]) / 1e9
        for folder in self.folders():
            new = _line(folder / "cpu.stat", "usage_usec")
            if new:
                return int(new[0]) / 1e6
        return 0.0


def _with_those_below(folder: Path) -> list[Path]:
    """Return a group and its children, parents first. Those that vanish meanwhile are left out."""
    return [Path(place) for place, _, _ in os.walk(folder)]


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _line(path: Path, key: str) -> list[str]:
    """Return the words after ``key`` in a file of ``key value`` lines."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return []
    return next((line.split()[1:] for line in lines if line.split()[:1] == [key]), [])
