"""The folder itself: opening, looking, renaming and walking beneath it, by descriptors only."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from typing import TYPE_CHECKING, Self

from zpack.agent.rooted.beneath import Open, best
from zpack.agent.rooted.paths import NotAFile, NotAFolder, OutsideRoot, names_of
from zpack.agent.rooted.refusing import refusing
from zpack.agent.rooted.walking import Entry, entries

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path
    from types import TracebackType

LOOK = os.O_PATH
READ_FOLDER = os.O_RDONLY | os.O_DIRECTORY


class Root:
    """A folder opened once. Paths are relative, plain, and resolved beneath it without following links."""

    def __init__(self, descriptor: int, *, opening: Open) -> None:
        self._root = descriptor
        self._open = opening
        self.owner = os.fstat(descriptor)

    @classmethod
    def open(cls, folder: Path, *, opening: Open | None = None) -> Self:
        """Open a folder, which must not itself be a link. Raises :class:`Missing` and other refusals."""
        with refusing():
            descriptor = os.open(folder, LOOK | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        return cls(descriptor, opening=opening or best())

    def close(self) -> None:
        """Close the folder; what was opened beneath stays open."""
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open_file(self, path: str, flags: int, *, mode: int = 0o644) -> int:
        """Return a descriptor of a regular file. Raises :class:`NotAFile` and other refusals.

        What is created with ``O_EXCL`` belongs to the folder's owner. A second name of somebody else's file,
        made with ``link``, is none of this folder's files.
        """
        asked = (flags | os.O_NONBLOCK) & ~os.O_TRUNC
        with refusing():
            found = self._open(self._root, names_of(path), asked, mode)
            try:
                self._check_file(found)
                if flags & os.O_TRUNC:  # not before it is known whose file it is
                    os.ftruncate(found, 0)
                if flags & os.O_EXCL:
                    self.give(found)
            except BaseException:
                os.close(found)
                raise
            return found

    def _check_file(self, descriptor: int) -> None:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise NotAFile("it is no regular file")
        if about.st_nlink > 1 and about.st_uid != self.owner.st_uid:
            raise OutsideRoot("it is a link to somebody else's file")

    def give(self, descriptor: int) -> None:
        """Hand what was created to the folder's owner, when the agent is somebody else."""
        if os.geteuid() == 0 and (self.owner.st_uid or self.owner.st_gid):
            os.fchown(descriptor, self.owner.st_uid, self.owner.st_gid)

    def open_folder(self, path: str) -> int:
        """Return a readable descriptor of a folder; ``""`` is the root. Raises refusals."""
        with refusing():
            try:
                return self._open(self._root, names_of(path), READ_FOLDER)
            except NotADirectoryError as error:
                raise NotAFolder("it is no folder") from error

    @contextlib.contextmanager
    def parent(self, path: str) -> Generator[tuple[int, str]]:
        """Open the folder that holds the path's last name, for calls relative to it. Raises refusals.

        What goes wrong with the call inside becomes a refusal as well.
        """
        *folders, name = names_of(path) or ("",)
        if not name:
            raise OutsideRoot("the folder itself is not meant")
        with refusing():
            holder = self._open(self._root, folders, LOOK | os.O_DIRECTORY)
            try:
                yield holder, name
            finally:
                os.close(holder)

    def stat(self, path: str) -> os.stat_result:
        """Return what the entry itself is: a link is a link. Raises refusals."""
        with refusing():
            found = self._open(self._root, names_of(path), LOOK)
            try:
                return os.fstat(found)
            finally:
                os.close(found)

    def rename(self, source: str, target: str) -> None:
        """Rename, replacing what is at ``target``. Raises refusals."""
        with self.parent(source) as (old, name), self.parent(target) as (new, new_name):
            os.rename(name, new_name, src_dir_fd=old, dst_dir_fd=new)

    def rename_new(self, source: str, target: str) -> None:
        """Rename a file, unless something is at ``target``. Raises :class:`Exists` and other refusals.

        A death between the two calls leaves the same file under both names, never half of it.
        """
        with self.parent(source) as (old, name), self.parent(target) as (new, new_name):
            os.link(name, new_name, src_dir_fd=old, dst_dir_fd=new, follow_symlinks=False)
            os.unlink(name, dir_fd=old)

    def unlink(self, path: str) -> None:
        """Remove a name that is no folder; a link is removed, not followed. Raises refusals."""
        with self.parent(path) as (holder, name):
            os.unlink(name, dir_fd=holder)

    def make_folder(self, path: str, *, mode: int = 0o755) -> None:
        """Create one folder in an existing one. Raises :class:`Exists` and other refusals."""
        with self.parent(path) as (holder, name):
            os.mkdir(name, mode, dir_fd=holder)
        made = self.open_folder(path)
        try:
            self.give(made)
        finally:
            os.close(made)

    def remove_tree(self, path: str) -> None:
        """Remove a folder with everything in it; links inside are removed, not followed. Raises refusals."""
        with self.parent(path) as (holder, name):
            shutil.rmtree(name, dir_fd=holder)

    def walk(self, path: str = "") -> Iterator[Entry]:
        """Yield everything below a folder, folders before what they hold; links are not followed.

        What vanishes meanwhile is left out. Raises refusals, also while iterating.
        """
        return entries(self.open_folder(path), path)
