"""Puts unpacked content in place: beside first, then renamed, so that a half-made folder is never shown."""

from __future__ import annotations

import asyncio
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
    from zpack.agent.settings import Store

SCRIPT = str(Path(unpack_script.__file__))


class Unpacker:
    """Unpacks in a child process, into a staging folder on the same file system as the target."""

    def __init__(self, *, staging: Path, store: Store, launcher: PipeLauncher) -> None:
        self._staging = staging
        self._store = store
        self._launcher = launcher

    def clean(self) -> None:
        """Remove what an interrupted installation left."""
        shutil.rmtree(self._staging, ignore_errors=True)

    async def replace_folder(self, archive: Path, target: Path) -> None:
        """Make ``target`` the archive's content, and remove the archive. Raises :class:`WorkloadError`."""
        fresh = await self._unpack(archive)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._swap(content_root(fresh), target)
        await self._finish(archive)

    async def replace_entries(self, archive: Path, target: Path, *, keep: Iterable[str]) -> None:
        """Put each entry of the archive into ``target``, except the names in ``keep`` that exist there."""
        fresh = await self._unpack(archive)
        target.mkdir(parents=True, exist_ok=True)
        kept = set(keep)
        for entry in sorted(content_root(fresh).iterdir()):
            if entry.name not in kept or not (target / entry.name).exists():
                self._swap(entry, target / entry.name)
        await self._finish(archive)

    async def _unpack(self, archive: Path) -> Path:
        fresh = self._staging / uuid.uuid4().hex
        fresh.mkdir(parents=True)
        argv = (sys.executable, "-I", SCRIPT, str(archive), str(fresh), str(self._store.max_unpacked_bytes))
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
