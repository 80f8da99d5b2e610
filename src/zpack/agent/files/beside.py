"""Writes a file beside its target and puts it in place when it is whole."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Self

from zpack.agent.rooted.paths import Missing, OutsideRoot
from zpack.agent.rooted.refusing import refusing

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from zpack.agent.files.leftovers import Leftovers
    from zpack.agent.rooted.root import Root

NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Beside:
    """An unfinished file in its target's folder, which stays open: nothing renamed meanwhile moves it.

    Leaving the context without :meth:`commit` removes it.
    """

    def __init__(self, root: Root, path: str, *, folder: Path, leftovers: Leftovers) -> None:
        self.root = root
        self._path = path
        self._folder = folder
        self._leftovers = leftovers
        self._closing = contextlib.ExitStack()
        self._mode = 0o644
        self._fd = -1
        self.size = 0

    def __enter__(self) -> Self:
        """Begin. Raises :class:`OutsideRoot` when the target is no regular file, and other refusals."""
        with contextlib.ExitStack() as undo:
            try:
                self._holder, self._name = undo.enter_context(self.root.parent(self._path))
            except Missing as error:
                raise Missing("the folder it is to be in does not exist", code="parent_missing") from error
            found = self.target()
            self._mode = stat.S_IMODE(found.st_mode) & 0o777 if found else 0o644
            parent = self._path.rpartition("/")[0]
            self._temporary = self._leftovers.note(self._folder, parent)
            undo.callback(self._leftovers.forget, self._temporary)
            self._fd = os.open(self._temporary, NEW, 0o600, dir_fd=self._holder)
            undo.callback(self._discard)
            self.root.give(self._fd)
            self._closing = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def target(self) -> os.stat_result | None:
        """Return what is at the target now. Raises :class:`OutsideRoot` when that is no regular file."""
        try:
            found = os.stat(self._name, dir_fd=self._holder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise OutsideRoot("the target is no regular file")
        return found

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append. Raises refusals."""
        with refusing():
            left = memoryview(data)
            while left:
                left = left[os.write(self._fd, left) :]
        self.size += len(data)

    def commit(self, *, replace: bool) -> None:
        """Put it in place, safe on the disk. Raises :class:`Exists` unless ``replace``, and others."""
        with refusing():
            os.fchmod(self._fd, self._mode)
            os.fsync(self._fd)
            if replace:
                os.rename(self._temporary, self._name, src_dir_fd=self._holder, dst_dir_fd=self._holder)
            else:
                os.link(
                    *(self._temporary, self._name),
                    src_dir_fd=self._holder,
                    dst_dir_fd=self._holder,
                    follow_symlinks=False,
                )

    def _discard(self) -> None:
        os.close(self._fd)
        with contextlib.suppress(FileNotFoundError):  # a rename took it away
            os.unlink(self._temporary, dir_fd=self._holder)
