"""The developer's home: where their files are, whose they are, and what their programs find around them."""

from __future__ import annotations

import os
import pwd
import stat
from typing import TYPE_CHECKING

from zpack.agent.dev.errors import ProvisioningError
from zpack.agent.install.server import SYSTEM_PATH
from zpack.agent.runtime.user import WorkloadUser, closed_to

if TYPE_CHECKING:
    from pathlib import Path

    from zpack.agent.config.payload import DevPayload
    from zpack.agent.settings import Dev

SHELLS = ("/bin/bash", "/bin/sh")


class Workspace:
    """``<home>/workspace``. Its owner may do anything inside, also while the agent looks."""

    def __init__(self, *, settings: Dev, processes: int) -> None:
        self._home = settings.home
        self._name = settings.user
        self._processes = processes

    @property
    def folder(self) -> Path:
        """The folder that the IDE opens and the file verbs are confined to."""
        return self._home / "workspace"

    @property
    def user(self) -> WorkloadUser | None:
        """The user that the developer's programs run as; ``None``: as the agent does.

        Where a container is no more than a process, an account of that name is the machine's own, and may not
        even reach the home.
        """
        if os.geteuid() != 0:
            return None
        try:
            entry = pwd.getpwnam(self._name)
        except KeyError:
            return None
        if closed_to(self._home, entry.pw_uid) is not None:
            return None
        return WorkloadUser(entry.pw_uid, entry.pw_gid, self._processes)

    def prepare(self) -> None:
        """Have both folders. Raises :class:`ProvisioningError` when something else is in their place."""
        for folder in (self._home, self.folder):
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                if not stat.S_ISDIR(folder.lstat().st_mode):
                    msg = f"{folder} is no folder; it is not followed elsewhere"
                    raise ProvisioningError(msg, code="invalid_workspace") from None
            except OSError as error:
                msg = f"cannot make {folder}: {error.strerror}"
                raise ProvisioningError(msg, code="invalid_workspace") from error
            else:
                self._hand_over(folder)

    def environment(self, payload: DevPayload, *, programs: Path) -> dict[str, str]:
        """Return what a shell or the IDE finds around it: the runtime on PATH, nothing of the agent's."""
        return {
            "PATH": f"{programs}:{SYSTEM_PATH}",
            "HOME": str(self._home),
            "USER": self._name,
            "LOGNAME": self._name,
            "SHELL": next((shell for shell in SHELLS if os.access(shell, os.X_OK)), SHELLS[-1]),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "TZ": os.environ.get("TZ", "UTC"),
            "RUNTIME": payload.runtime,
            "RUNTIME_VERSION": payload.version,
        }

    def _hand_over(self, folder: Path) -> None:
        user = self.user
        if user is not None:
            os.chown(folder, user.uid, user.gid, follow_symlinks=False)
