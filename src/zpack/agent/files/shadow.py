"""The content a settings file had before the first write; kept for a week, put back on demand."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from zpack.agent.files.beside import Beside
from zpack.agent.files.policy import SHADOW
from zpack.agent.problems import Refusal
from zpack.agent.rooted.paths import Exists, Missing
from zpack.agent.rooted.root import Root

if TYPE_CHECKING:
    from pathlib import Path

    from zpack.agent.files.leftovers import Leftovers

KEPT_SECONDS = 7 * 24 * 3600.0


class Shadows:
    """Copies below ``.zlh-shadow``, each at its file's own path."""

    def __init__(self, *, leftovers: Leftovers, limit: int) -> None:
        self._leftovers = leftovers
        self._limit = limit

    @staticmethod
    def has(root: Root, path: str) -> bool:
        """Say whether there is a copy."""
        with contextlib.suppress(Refusal):
            os.close(root.open_file(f"{SHADOW}/{path}", os.O_RDONLY))
            return True
        return False

    def keep(self, root: Root, path: str, *, folder: Path) -> None:
        """Copy a file unless a copy is kept already, or there is no such file. Raises refusals."""
        if self.has(root, path):
            return
        try:
            content = read_all(root, path, limit=self._limit)
        except Missing:
            return
        holder = SHADOW
        for name in ("", *path.split("/")[:-1]):
            holder = f"{holder}/{name}" if name else holder
            with contextlib.suppress(Exists):
                root.make_folder(holder, mode=0o700)
        with Beside(root, f"{SHADOW}/{path}", folder=folder, leftovers=self._leftovers) as copy:
            copy.write(content)
            copy.commit(replace=True)

    def content(self, root: Root, path: str) -> bytes:
        """Return the copy. Raises :class:`Missing` with ``no_shadow``."""
        try:
            return read_all(root, f"{SHADOW}/{path}", limit=self._limit)
        except Missing as error:
            raise Missing("there is no earlier content of this file", code="no_shadow") from error

    @staticmethod
    def clean(folder: Path, *, kept_seconds: float = KEPT_SECONDS) -> int:
        """Remove copies older than a week; return how many. Raises refusals."""
        oldest = time.time() - kept_seconds
        count = 0
        with contextlib.suppress(Missing), Root.open(folder) as root:
            for entry in root.walk(SHADOW):
                if not entry.is_folder and entry.stat.st_mtime < oldest:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(entry.name, dir_fd=entry.holder)
                        count += 1
        return count


def read_all(root: Root, path: str, *, limit: int) -> bytes:
    """Return at most ``limit`` bytes of a file. Raises refusals."""
    with os.fdopen(root.open_file(path, os.O_RDONLY), "rb") as file:
        return file.read(limit)
