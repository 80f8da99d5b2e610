"""Walks a tree by descriptors, so that nothing renamed meanwhile can lead out of it."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.agent.problems import Conflict
from zpack.agent.rooted.paths import NotAFile
from zpack.agent.rooted.refusing import refusing

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 128


@dataclass(frozen=True)
class Entry:
    """Something found. ``path`` may hold surrogates where a name is no valid text."""

    path: str
    name: str
    holder: int
    """The folder it is in; open until the walk goes on."""
    stat: os.stat_result

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and no link to one."""
        return stat.S_ISDIR(self.stat.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.stat.st_mode)

    def open(self) -> int:
        """Open it to read, before the walk goes on. Raises :class:`NotAFile` and other refusals."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with refusing():
            found = os.open(self.name, flags, dir_fd=self.holder)
        if not stat.S_ISREG(os.fstat(found).st_mode):
            os.close(found)
            raise NotAFile("it is no regular file")
        return found


def entries(folder: int, path: str = "") -> Iterator[Entry]:
    """Yield what is below an open folder and close it. Raises :class:`Conflict` when it is too deep."""
    open_now = [folder]
    todo = [_named(folder, path)]
    try:
        while todo:
            entry = next(todo[-1], None)
            if entry is None:
                todo.pop()
                os.close(open_now.pop())
                continue
            yield entry
            if entry.is_folder and (inside := _descend(entry)) is not None:
                open_now.append(inside)
                if len(open_now) > MAX_DEPTH:
                    raise Conflict(f"folders are nested more than {MAX_DEPTH} deep", code="too_deep")
                todo.append(_named(inside, entry.path))
    finally:
        for each in open_now:
            os.close(each)


def _named(folder: int, path: str) -> Iterator[Entry]:
    for name in sorted(os.listdir(folder)):
        with contextlib.suppress(FileNotFoundError):
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
            yield Entry(f"{path}/{name}" if path else name, name, folder, about)


def _descend(entry: Entry) -> int | None:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return os.open(entry.name, flags, dir_fd=entry.holder)
    return None
