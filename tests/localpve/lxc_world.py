"""Real LXC guests whose first process is a few lines of Python, for the tests of the lxc backend."""

from __future__ import annotations

import contextlib
import json
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.waiting import eventually
from zpack.localpve.backends.base import Guest, Template
from zpack.localpve.backends.cgroup import Group
from zpack.localpve.backends.lxc import LxcBackend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SYSTEM = ("/usr", "/bin", "/lib", "/lib64", sys.prefix)
BEFORE = """
import ctypes, errno, json, os, signal, socket, subprocess, sys, threading, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
def tell(what):
    with open('/opt/said.new', 'w') as file: json.dump(what, file)
    os.rename('/opt/said.new', '/opt/said')
def attempt(do):
    try: do()
    except OSError as failure: return errno.errorcode[failure.errno]
    return 'done'
"""
AFTER = "\nwhile True: signal.pause()\n"


class World:
    """One localpve home with the lxc backend."""

    def __init__(self, home: Path, *, network: str = "loopback") -> None:
        self.home = home
        self.backend = LxcBackend(home=home, network=network, subnet="127.79.0.0/16")
        self.template = Template(vmid=820, rootfs=home / "templates/820/rootfs", init=(), mounts=SYSTEM)

    def guest(self, code: str, *, vmid: int = 5001, **limits: int) -> Guest:
        """A guest that runs ``code``, then waits for its end; its address is this test's own."""
        init = (sys.executable, "-c", BEFORE + code + AFTER)
        third = zlib.crc32(str(self.home).encode()) % 250
        return Guest(
            vmid=vmid,
            hostname=f"guest-{vmid}",
            ip=f"127.79.{third}.{vmid & 255 or 1}",
            template=replace(self.template, init=init),
            **limits,
        )

    async def run(self, code: str, *, vmid: int = 5001, **limits: int) -> Guest:
        """Clone and start a guest."""
        guest = self.guest(code, vmid=vmid, **limits)
        await self.backend.clone(guest)
        await self.backend.start(guest)
        return guest

    async def said(self, guest: Guest) -> Any:
        """What the guest told: its file, as the host sees it in the guest's own layer."""
        path = self.upper(guest) / "opt/said"
        await eventually(path.exists, timeout=20, what=f"the guest's word; console: {self.console(guest)}")
        return json.loads(path.read_text())

    async def ask(self, code: str, **limits: int) -> Any:
        """Run a guest and return what it told."""
        return await self.said(await self.run(code, **limits))

    def upper(self, guest: Guest) -> Path:
        return self.home / "guests" / str(guest.vmid) / "upper"

    def console(self, guest: Guest) -> str:
        path = self.home / "guests" / str(guest.vmid) / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def group(self, guest: Guest, suffix: str = "") -> Group:
        return Group(f"{self.backend._group(guest.vmid).name}{suffix}")

    def left(self) -> dict[str, list[str]]:
        """What of this home can still be found on the host."""
        tag = self.backend._tag
        mounts = [line for pid in _pids() for line in _mounts(pid)]
        return {
            "mounts": [line for line in mounts if str(self.home) in line],
            "groups": [str(p) for p in Path("/sys/fs/cgroup").glob(f"**/zpack-{tag}*")],
            "processes": [pid for pid in _pids() if tag in _command(pid)],
        }


NOTHING: dict[str, list[str]] = {"mounts": [], "groups": [], "processes": []}


@contextlib.asynccontextmanager
async def lxc_world(home: Path, *, network: str = "loopback") -> AsyncIterator[World]:
    """A world that is closed at the end, whatever the test did."""
    world = World(home, network=network)
    try:
        yield world
    finally:
        await world.backend.close()


def _pids() -> list[str]:
    return [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]


def _mounts(pid: str) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/mounts").read_text().splitlines()
    return []


def _command(pid: str) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""
