"""What LXC is told about one guest: users, limits, privileges. No I/O but a look at what the host offers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zpack.localpve.backends import cgroup, lxc_launch
from zpack.localpve.backends.base import BackendError, Guest

if TYPE_CHECKING:
    from collections.abc import Mapping

SECCOMP = Path("/usr/share/lxc/config/common.seccomp")
KEPT = "chown dac_override fowner fsetid kill setgid setuid net_bind_service"
"""What a service's root needs in its own files; all of it counts only inside its user namespace."""
FIRST_ID, IDS, RANGES = 1_000_000, 65_536, 60_000
SHM = "tmpfs dev/shm tmpfs rw,nosuid,nodev,mode=1777,size=64m,create=dir 0 0"


def first_id(vmid: int) -> int:
    """Return the host's user id of the guest's root: a range of its own for each VMID."""
    return FIRST_ID + vmid % RANGES * IDS


def settings(guest: Guest, variables: Mapping[str, str], *, folder: Path, group: str) -> str:
    """Return LXC's configuration file. Raises BackendError for a value that would break its lines."""
    first = first_id(guest.vmid)
    lines = [
        ("lxc.rootfs.path", f"dir:{lxc_launch.ROOT}"),
        ("lxc.uts.name", guest.hostname),
        ("lxc.idmap", f"u 0 {first} {IDS}"),
        ("lxc.idmap", f"g 0 {first} {IDS}"),
        ("lxc.net.0.type", "none"),  # the launcher's own network: the host's, or one it made
        ("lxc.mount.auto", "proc:mixed"),
        ("lxc.mount.entry", SHM),
        ("lxc.autodev", "1"),
        ("lxc.tty.max", "0"),
        ("lxc.pty.max", "64"),
        ("lxc.no_new_privs", "1"),
        ("lxc.cap.keep", KEPT),
        ("lxc.signal.halt", "SIGTERM"),
        ("lxc.init.cwd", "/root"),
        ("lxc.console.logfile", str(folder / "console.log")),
        ("lxc.console.size", "2MB"),
        ("lxc.console.rotate", "1"),
        ("lxc.cgroup.dir.container", group),
        ("lxc.cgroup.dir.monitor", f"{group}.monitor"),
        *cgroup.limits(memory=guest.memory, swap=guest.swap, cores=guest.cores, pids=guest.pids),
        *(("lxc.environment", f"{key}={value}") for key, value in variables.items()),
    ]
    if SECCOMP.exists():
        lines.append(("lxc.seccomp.profile", str(SECCOMP)))
    if any("\n" in value or "\0" in value for _, value in lines):
        raise BackendError(f"CT {guest.vmid}: a setting holds a line break")
    return "".join(f"{key} = {value}\n" for key, value in lines)


def environment(given: Mapping[str, str], words: Mapping[str, str]) -> dict[str, str]:
    """Return the first process's environment. PID 1 has no parent to follow, so it is not asked to."""
    basic = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
    }
    filled_in = {key: filled(value, words) for key, value in given.items() if key != "ZPACK_PDEATHSIG"}
    return {**basic, **filled_in}


def filled(text: str, words: Mapping[str, str]) -> str:
    """Return a template's text with its placeholders filled in; ``{root}`` is the container's ``/``."""
    text = text.replace("{root}/", "/").replace("{root}", "/")
    for key, value in words.items():
        text = text.replace(f"{{{key}}}", value)
    return text
