"""Backend ``lxc``: each guest is an LXC container with its own users, limits and processes.

No record is kept here. A guest is found again by its control group, whose name follows from localpve's home
and the VMID; so a localpve that was killed finds its containers running and adopts them.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from zpack.localpve.backends import cgroup, lxc_launch, lxc_rootfs
from zpack.localpve.backends.base import BackendError, Guest, Usage
from zpack.localpve.backends.lxc_config import environment, filled, first_id, settings
from zpack.localpve.backends.lxc_run import run
from zpack.localpve.backends.network import Bridge

POLL = 0.01
MONITOR_SECONDS = 5.0
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


async def probe() -> str | None:
    """Return why this backend cannot work here, or None."""
    if sys.platform != "linux":
        return "it needs Linux"
    if os.geteuid() != 0:
        return "it needs root"
    if _lxc_start() is None:
        return "lxc-start is missing (Debian's package lxc)"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "the kernel has no overlay file system"
    code, text = await run("unshare", "--user", "--mount", "true")
    if code != 0:
        return f"user namespaces cannot be made: {text}"
    return cgroup.missing()


class LxcBackend:
    """Starts guests as LXC containers."""

    name = "lxc"

    def __init__(self, *, home: Path, network: str = "loopback", subnet: str = "127.77.0.0/16") -> None:
        self._home = home.resolve()
        self._tag = hashlib.sha256(os.fsencode(self._home)).hexdigest()[:10]
        self._bridge = Bridge(self._tag, subnet) if network == "bridge" else None
        self._bridge_lock = asyncio.Lock()
        self._template_lock = asyncio.Lock()
        self._samples: dict[int, tuple[float, float]] = {}
        shared = "" if self._bridge else " and the network (each guest on its own loopback address)"
        self.isolation = f"shared with this machine: kernel, disk space{shared}"

    async def clone(self, guest: Guest) -> None:
        """Make the guest's empty layer above its template. Raises BackendError."""
        await self.destroy(guest)
        folder = self._folder(guest.vmid)
        try:
            async with self._template_lock:
                await asyncio.to_thread(lxc_rootfs.make_skeleton, guest.template.rootfs)
            folder.mkdir(parents=True, mode=0o700)
            for name in ("upper", "work"):
                (folder / name).mkdir()
        except OSError as failure:
            raise BackendError(f"cannot make CT {guest.vmid}: {failure}") from failure

    async def start(self, guest: Guest) -> None:
        """Start the container; a running one is left alone. Raises BackendError."""
        if await self.running(guest):
            return
        await self._end(guest.vmid)
        folder = self._folder(guest.vmid)
        if not (folder / "upper").is_dir():
            raise BackendError(f"{folder / 'upper'} is missing")
        if self._bridge:
            async with self._bridge_lock:
                await self._bridge.make()
        try:
            plan = await asyncio.to_thread(self._plan, guest)
            words = (sys.executable, "-I", "-S", lxc_launch.__file__)
            code, text = await run(*words, stdin=json.dumps(plan).encode())
        except OSError as failure:
            raise BackendError(f"cannot start CT {guest.vmid}: {failure}") from failure
        if code != 0:
            await self._end(guest.vmid)
            raise BackendError(f"CT {guest.vmid} did not start: {_complaint(folder / 'lxc.log') or text}")
        (folder / "owned").touch()

    async def shutdown(self, guest: Guest, *, timeout: float) -> None:
        """Send SIGTERM to PID 1 and wait for the container's end. Raises BackendError."""
        group = self._group(guest.vmid)
        first = group.first()
        if first:
            with contextlib.suppress(ProcessLookupError):
                os.kill(first, signal.SIGTERM)
        deadline = time.monotonic() + timeout
        while group.processes():
            if time.monotonic() > deadline:
                raise BackendError(f"CT {guest.vmid} did not end within {timeout:.0f} s")
            await asyncio.sleep(POLL)
        await self._end(guest.vmid)

    async def stop(self, guest: Guest) -> None:
        """Kill everything in the container, and its monitor. Raises BackendError."""
        await self._end(guest.vmid)

    async def running(self, guest: Guest) -> bool:
        """Say whether the container's PID 1 lives."""
        return self._group(guest.vmid).first() != 0

    async def usage(self, guest: Guest) -> Usage:
        """Read the container's control groups; ``cpu`` is the share since the last question."""
        group = self._group(guest.vmid)
        first = group.first()
        if not first:
            return Usage()
        age = _age(first)
        now, used = time.monotonic(), group.cpu_seconds()
        before, then = self._samples.get(guest.vmid, (now - age, 0.0))
        self._samples[guest.vmid] = (now, used)
        share = max(0.0, used - then) / max(now - before, 0.01) / (os.cpu_count() or 1)
        netin, netout = _traffic(first) if self._bridge else (0, 0)
        memory = group.memory()
        return Usage(pid=first, mem=memory, cpu=share, uptime=int(age), netin=netin, netout=netout)

    async def destroy(self, guest: Guest) -> None:
        """Remove the container and its files. Raises BackendError."""
        await self._end(guest.vmid)
        folder = self._folder(guest.vmid)
        if folder.exists():
            try:
                await asyncio.to_thread(shutil.rmtree, folder)
            except OSError as failure:
                raise BackendError(f"cannot remove {folder}: {failure}") from failure

    async def address(self, guest: Guest) -> str:
        """Return the guest's loopback address, or its own with a bridge."""
        return self._bridge.address(guest.vmid) if self._bridge else guest.ip

    async def close(self) -> None:
        """Stop every container of this home; remove bridge and control groups. Raises BackendError."""
        for folder in sorted((self._home / "guests").glob("*")):
            if folder.name.isdigit():
                await self._end(int(folder.name))
        if self._bridge:
            await self._bridge.remove()
        await asyncio.to_thread(cgroup.Group(f"zpack-{self._tag}").remove)

    async def _end(self, vmid: int) -> None:
        """Kill and clear one container; none is fine.

        The container goes first; its monitor then writes the console's last words and ends. One that was
        killed, or does not end, is no hindrance.
        """
        self._samples.pop(vmid, None)
        container, monitor = self._group(vmid), cgroup.Group(f"zpack-{self._tag}/{vmid}.monitor")
        await asyncio.to_thread(container.kill)
        deadline = time.monotonic() + MONITOR_SECONDS
        while monitor.processes() and time.monotonic() < deadline:  # noqa: ASYNC110 - the kernel has no event
            await asyncio.sleep(POLL)
        await asyncio.to_thread(monitor.kill)
        await asyncio.to_thread(container.remove)
        await asyncio.to_thread(monitor.remove)
        if self._bridge:
            await self._bridge.leave(vmid)

    def _plan(self, guest: Guest) -> dict[str, object]:
        """Write LXC's configuration; return the launcher's plan. Raises BackendError and OSError."""
        folder = self._folder(guest.vmid)
        address = self._bridge.address(guest.vmid) if self._bridge else guest.ip
        words = {"vmid": str(guest.vmid), "ip": address, "hostname": guest.hostname}
        shown = lxc_rootfs.view(guest.template.mounts, home=self._home)
        text = settings(
            guest, environment(guest.template.env, words), folder=folder, group=self._group(guest.vmid).name
        )
        config = folder / "config"
        config.unlink(missing_ok=True)
        with os.fdopen(os.open(config, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(text)
        (folder / "lxc.log").write_text("")
        argv = [
            _lxc_start() or "lxc-start",
            "-P",
            str(lxc_launch.LXC_PATH),
            "-n",
            f"zpack-{self._tag}-{guest.vmid}",
        ]
        argv += ["-f", str(config), "-o", str(folder / "lxc.log"), "-l", "ERROR", "-d", "--"]
        return {
            "lower": str(guest.template.rootfs),
            "upper": str(folder / "upper"),
            "work": str(folder / "work"),
            "owner": first_id(guest.vmid),
            "fresh": not (folder / "owned").exists(),
            "files": {
                "/etc/hosts": f"127.0.0.1 localhost\n{address} {guest.hostname}\n",
                "/etc/hostname": f"{guest.hostname}\n",
            },
            "mounts": shown.mounts,
            "links": list(shown.links.items()),
            "network": self._bridge.plan(guest.vmid) if self._bridge else None,
            "argv": argv + [filled(word, words) for word in guest.template.init],
        }

    def _folder(self, vmid: int) -> Path:
        return self._home / "guests" / str(vmid)

    def _group(self, vmid: int) -> cgroup.Group:
        return cgroup.Group(f"zpack-{self._tag}/{vmid}")


def _lxc_start() -> str | None:
    return shutil.which("lxc-start", path=SYSTEM_PATH)


def _complaint(log: Path) -> str:
    """Return LXC's first complaint, without its time stamp and source line."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if " ERROR " in line]
    return lines[0].partition(" ERROR ")[2].partition(" - ")[2].partition(" - ")[2] if lines else ""


def _age(pid: int) -> float:
    """Return the seconds since a process began."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    return 0.0


def _traffic(pid: int) -> tuple[int, int]:
    """Return bytes in and out of the guest's own interface."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/net/dev").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name.strip() == "eth0":
                return int(rest.split()[0]), int(rest.split()[8])
    return 0, 0
