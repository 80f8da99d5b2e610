"""Puts unpacked content in place: beside first, then renamed, so that a half-made folder is never shown."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from zpack.agent.install import unpack as unpack_script
from zpack.agent.install.unpack import content_root
from zpack.agent.problems import WorkloadError
from zpack.agent.runtime.process import Command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zpack.agent.runtime.process import PipeLauncher
    from zpack.agent.runtime.user import WorkloadUser
    from zpack.agent.settings import Store

SCRIPT = str(Path(unpack_script.__file__))


class Unpacker:
    """Unpacks in a child process, into a staging folder on the same file system as the target."""

    def __init__(
        self, *, staging: Path, store: Store, launcher: PipeLauncher, user: WorkloadUser | None = None
    ) -> None:
        self._staging = staging
        self._store = store
        self._launcher = launcher
        self._user = user

    def clean(self) -> None:
        """Remove what an interrupted installation left."""
        shutil.rmtree(self._staging, ignore_errors=True)

    async def replace_folder(self, archive: Path, target: Path) -> None:
        """Make ``target`` the archive's content, which stays the agent's own, and remove the archive.

        Raises :class:`WorkloadError`.
        """
        fresh = await self._unpack(archive, None)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._swap(content_root(fresh), target)
        await self._finish(archive)

    async def replace_entries(self, archive: Path, target: Path, *, keep: Iterable[str]) -> None:
        """Put each entry of the archive into ``target``, except the names in ``keep`` that exist there.

        They are the workload's: it is its user who unpacks them. Raises :class:`WorkloadError`.
        """
        fresh = await self._unpack(archive, self._user)
        target.mkdir(parents=True, exist_ok=True)
        kept = set(keep)
        for entry in sorted(content_root(fresh).iterdir()):
            if entry.name not in kept or not (target / entry.name).exists():
                self._swap(entry, target / entry.name)
        await self._finish(archive)

    async def _unpack(self, archive: Path, user: WorkloadUser | None) -> Path:
        fresh = self._staging / uuid.uuid4().hex
        fresh.mkdir(parents=True)
        if user is not None:
            os.chown(fresh, user.uid, user.gid)
        limit, whom = str(self._store.max_unpacked_bytes), user.words if user else "-"
        argv = (sys.executable, "-I", "-S", SCRIPT, str(archive), str(fresh), limit, whom)
        said: list[str] = []
        command = Command(argv, fresh, {"LC_ALL": "C.UTF-8"})
        end = await self._launcher.run(command, on_line=said.append, seconds=self._store.install_seconds)
        if end.code != 0:
            await asyncio.to_thread(shutil.rmtree, fresh, ignore_errors=True)
            raise WorkloadError(said[-1] if said else f"unpacking ended with {end}")
        return fresh

    def _swap(self, fresh: Path, target: Path) -> None:
        # The old one is moved away, not deleted in place: between the two renames nothing half-made is seen.
        if target.is_symlink() or target.exists():
            target.rename(self._staging / uuid.uuid4().hex)
        fresh.rename(target)

    async def _finish(self, archive: Path) -> None:
        archive.unlink(missing_ok=True)
        await asyncio.to_thread(self.clean)
