"""Under whom the workload runs: a user of its own, who can neither read the agent's home nor signal it."""

from __future__ import annotations

import logging
import os
import pwd
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.agent.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

DEFAULTS = ("zlh", "minecraft")
"""Tried in this order when no user is named; the template brings the first."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkloadUser:
    """Whom a workload becomes before its first instruction, and how many processes it may have."""

    uid: int
    gid: int
    processes: int

    @property
    def words(self) -> str:
        """What the launcher script and the unpacker are told."""
        return f"{self.uid}:{self.gid}:{self.processes}"

    def own(self, top: Path) -> None:
        """Hand a tree over, links themselves and not what they lead to. Raises ``OSError``.

        A file with a second name that is not the user's yet may be somebody else's file: it stays as it is.
        """
        for _, folders, files, descriptor in os.fwalk(top, follow_symlinks=False):
            self._take(".", descriptor)
            for name in (*folders, *files):
                self._take(name, descriptor)

    def _take(self, name: str, descriptor: int) -> None:
        seen = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        shared = seen.st_nlink > 1 and not stat.S_ISDIR(seen.st_mode)
        if seen.st_uid != self.uid and not shared:
            os.chown(name, self.uid, self.gid, dir_fd=descriptor, follow_symlinks=False)


def find_user(name: str | None, *, processes: int, folder: Path) -> WorkloadUser | None:
    """Return the workload's user; ``None``: it runs as the agent does. Raises :class:`SettingsError`.

    ``folder`` is what the user must be able to reach. Only root can start something as another user; the name
    ``root`` asks for no other.
    """
    if name == "root" or (name is None and os.geteuid() != 0):
        return None
    found = _entry(name) if name else next((e for n in DEFAULTS if (e := _entry(n))), None)
    if found is None:
        if name:
            raise SettingsError(f"ZLH_WORKLOAD_USER: there is no user {name!r}")
        return None
    uid, gid = found
    if os.geteuid() not in {0, uid} or uid == 0:
        raise SettingsError(f"ZLH_WORKLOAD_USER: only root can become {name!r}, and only another user")
    closed = closed_to(folder, uid)
    if closed is None:
        return WorkloadUser(uid, gid, processes) if os.geteuid() == 0 else None
    if name:
        raise SettingsError(f"ZLH_WORKLOAD_USER: {name!r} cannot reach {folder}: {closed} is closed to it")
    log.warning("the workload runs as root: its own user cannot reach %s", folder)
    return None


def _entry(name: str) -> tuple[int, int] | None:
    """Return uid and gid of a user's name, or of the number of one that has no name."""
    if name.isdecimal():
        return (int(name), int(name)) if int(name) < 2**31 else None
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):
        return None
    return entry.pw_uid, entry.pw_gid


def closed_to(folder: Path, uid: int) -> Path | None:
    """Return the folder on the way that the user may not pass, if there is one."""
    for path in (folder, *folder.parents):
        try:
            seen = path.stat()
        except OSError:  # not made yet: it will be open
            continue
        if not seen.st_mode & (stat.S_IXUSR if seen.st_uid == uid else stat.S_IXOTH):
            return path
    return None
