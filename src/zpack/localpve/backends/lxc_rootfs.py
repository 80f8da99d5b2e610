"""What a guest sees: a small skeleton of its own, and read-only windows on chosen host folders."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from zpack.localpve.backends.base import BackendError

FOLDERS = {
    "dev": 0o755, "etc": 0o755, "home": 0o755, "opt": 0o755, "proc": 0o555, "root": 0o700, "run": 0o755,
    "srv": 0o755, "sys": 0o555, "tmp": 0o1777, "var": 0o755, "var/lib": 0o755, "var/log": 0o755,
    "var/tmp": 0o1777,
}  # fmt: skip
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/hosts": "127.0.0.1 localhost\n",
}
TAKEN_OVER = ("etc/resolv.conf", "etc/ld.so.cache", "etc/localtime")
"""The host's own, copied once: how names, libraries and the clock are read. None holds a secret."""
LINKS = 256


@dataclass
class View:
    """Host paths, and the symbolic links on the way to them."""

    mounts: list[str] = field(default_factory=list[str])
    links: dict[str, str] = field(default_factory=dict[str, str])


def make_skeleton(rootfs: Path) -> None:
    """Make the template's root where it is absent. Raises OSError."""
    if rootfs.is_dir():
        return
    beside = rootfs.with_name("rootfs.new")
    shutil.rmtree(beside, ignore_errors=True)
    for name, mode in FOLDERS.items():
        (beside / name).mkdir(parents=True)
        (beside / name).chmod(mode)
    for name, text in FILES.items():
        (beside / name).write_text(text)
        (beside / name).chmod(0o644)
    for name in TAKEN_OVER:
        if Path("/", name).is_file():
            shutil.copyfile(Path("/", name), beside / name)
            (beside / name).chmod(0o644)
    beside.chmod(0o755)  # whatever our umask is
    beside.replace(rootfs)


def view(wanted: tuple[str, ...], *, home: Path) -> View:
    """Resolve the template's mounts. Raises BackendError for one that would show secrets, or is absent."""
    found = View()
    real: set[str] = set()
    for path in wanted:
        place = _walk(path, found.links)
        real.add(place)
        real.update(_walk(str(base), found.links) for base in _python_of(Path(place)))
    for place in sorted(real):
        if any(secret.is_relative_to(place) for secret in (home.resolve(), Path("/etc/shadow"))):
            raise BackendError(f"the template may not show {place}: secrets lie below it")
        if not Path(place).exists():
            raise BackendError(f"the template shows {place}, which is not there")
        if not any(_covers(shown, place) for shown in found.mounts):
            found.mounts.append(place)
    return found


def _walk(path: str, links: dict[str, str]) -> str:
    """Return the real path; note each symbolic link met on the way, for the guest needs it too."""
    todo = path.split("/")
    here = "/"
    for _ in range(LINKS):
        if not todo:
            return here
        step = os.path.normpath(f"{here}/{todo.pop(0)}")
        if not Path(step).is_symlink():
            here = step
            continue
        target = os.readlink(step)  # noqa: PTH115 - the text itself is wanted
        links[step] = target
        here = "/" if target.startswith("/") else here
        todo = target.split("/") + todo
    raise BackendError(f"too many symbolic links in {path}")


def _python_of(folder: Path) -> list[Path]:
    """Return the installation that a Python environment's interpreter links to."""
    program = folder / "bin/python"
    if not (folder / "pyvenv.cfg").is_file() or not program.exists():
        return []
    return [program.resolve().parent.parent]


def _covers(shown: str, place: str) -> bool:
    """Say whether one mount shows another's place; what is mounted below it on the host it does not show."""
    return Path(place).is_relative_to(shown) and Path(place).stat().st_dev == Path(shown).stat().st_dev
