"""Starts one LXC container from a mount namespace of its own; run as a program, the plan comes on stdin.

Every mount of a guest (its overlay, the host folders it may read) is made here, after leaving the host's
mount namespace. The kernel takes them all back when the container and its monitor are gone, however they
went: nothing has to be unmounted, nothing can be left behind. The same holds for the network of ``bridge``.

The guest's root may hold anything, symbolic links to the host's paths too. Nothing is therefore created or
opened in it by a host path: each target is made and opened from inside a chroot and mounted on by descriptor.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

STAGE = Path("/run/lxc")
LXC_PATH = STAGE / "zpack"
ROOT = LXC_PATH / "rootfs"
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_SLAVE = 1, 2, 4, 32, 4096, 16384, 1 << 19
SHOWN = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV
LIBC = ctypes.CDLL(None, use_errno=True)


def launch(plan: dict[str, Any]) -> None:
    """Prepare the guest's root and become lxc-start. Raises OSError and CalledProcessError."""
    os.umask(0o022)
    STAGE.mkdir(parents=True, exist_ok=True)
    _call("unshare", CLONE_NEWNS)
    _mount(None, "/", None, MS_REC | MS_SLAVE, None)
    _mount("zpack", str(STAGE), "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    ROOT.mkdir(parents=True)
    layers = f"lowerdir={plan['lower']},upperdir={plan['upper']},workdir={plan['work']}"
    _mount("zpack", str(ROOT), "overlay", MS_NOSUID | MS_NODEV, f"{layers},metacopy=on,redirect_dir=on")
    with _inside():
        if plan["fresh"]:
            _write(plan["files"])
            _give(Path("/"), plan["owner"])
        for path, target in plan["links"]:
            _link(Path(path), target)
    for path in plan["mounts"]:
        _show(Path(path))
    if plan["network"]:
        _network(**plan["network"])
    # Found on PATH, newuidmap would insist on ranges in /etc/subuid; root may write the maps itself.
    os.execve(plan["argv"][0], plan["argv"], {"PATH": "/nonexistent"})  # noqa: S606 - a list, no shell


@contextmanager
def _inside() -> Generator[None]:
    """Make the guest's root our root, so that its links lead nowhere else."""
    outside = os.open("/", os.O_PATH)
    os.chroot(ROOT)
    os.chdir("/")
    try:
        yield
    finally:
        os.fchdir(outside)
        os.chroot(".")
        os.close(outside)


def _write(files: dict[str, str]) -> None:
    for path, text in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")


def _give(top: Path, base: int) -> None:
    """Hand a tree to the guest's users; with metacopy no content is copied."""
    for folder, names, files in os.walk(top):
        for path in (Path(folder), *(Path(folder, name) for name in (*names, *files))):
            seen = path.lstat()
            if seen.st_uid < base:
                os.lchown(path, base + seen.st_uid, base + seen.st_gid)


def _link(path: Path, target: str) -> None:
    if not os.path.lexists(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)


def _show(path: Path) -> None:
    """Mount a host path read-only at the same path of the guest."""
    is_folder = path.is_dir()
    with _inside():
        (path if is_folder else path.parent).mkdir(parents=True, exist_ok=True)
        if not is_folder and not os.path.lexists(path):
            path.touch(0o644)
        place = os.open(path, os.O_PATH)
    _mount(str(path), f"/proc/self/fd/{place}", None, MS_BIND, None)
    os.close(place)
    with _inside():  # opened again: the first descriptor is of what the mount now hides
        place = os.open(path, os.O_PATH)
    _mount(None, f"/proc/self/fd/{place}", None, SHOWN, None)
    os.close(place)


def _network(*, bridge: str, veth: str, address: str, gateway: str, ip: str) -> None:
    """Leave the host's network for one of our own, joined to the host's bridge by a pair of interfaces.

    The namespace belongs to the host's users, so the guest's root cannot change its addresses.
    """
    host = os.open("/proc/self/ns/net", os.O_RDONLY)
    _call("unshare", CLONE_NEWNET)
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    _call("setns", host, CLONE_NEWNET)
    peer = f"/proc/{os.getpid()}/fd/{own}"
    _ip(ip, "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", peer)
    _ip(ip, "link", "set", veth, "master", bridge, "up")
    _ip(ip, "link", "set", veth, "type", "bridge_slave", "isolated", "on")
    _call("setns", own, CLONE_NEWNET)
    _ip(ip, "link", "set", "lo", "up")
    _ip(ip, "address", "add", address, "dev", "eth0")
    _ip(ip, "link", "set", "eth0", "up")
    _ip(ip, "route", "add", "default", "via", gateway)
    os.close(host)
    os.close(own)


def _ip(*words: str) -> None:
    subprocess.run(words, check=True)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None) -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    _call("mount", *words, ctypes.c_ulong(flags), None if data is None else data.encode(), what=target)


def _call(name: str, *arguments: Any, what: str = "") -> None:
    if getattr(LIBC, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", what)


if __name__ == "__main__":
    try:
        launch(json.load(sys.stdin))
    except (OSError, subprocess.CalledProcessError) as failure:
        sys.stderr.write(f"{failure}\n")
        sys.exit(1)
