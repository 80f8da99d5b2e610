"""The folder of a server's mods: what is there is what the game will load, and nothing else is remembered."""

from __future__ import annotations

import os
import re
import stat
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.agent.mods.names import file_of, id_of, spare_name
from zpack.agent.mods.refusals import ModExists, NoSuchMod
from zpack.agent.rooted.paths import Exists, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zpack.agent.rooted.root import Root

PART = re.compile(r"\.zlh-[0-9a-f]{32}\.part")
REMOVED = "mods-removed"
MAX_ENTRIES = 10_000
MAX_SPARES = 1000


@dataclass(frozen=True)
class Found:
    """One mod in the folder."""

    id: str
    enabled: bool
    stat: os.stat_result

    @property
    def file(self) -> str:
        """Its file's name now."""
        return file_of(self.id, enabled=self.enabled)


class ModFolder:
    """``name`` beneath an open root, by descriptor only: whoever renames meanwhile gains nothing."""

    def __init__(self, root: Root, name: str, *, server: Path) -> None:
        self.root = root
        self.name = name
        self.server = server

    def path(self, file: str) -> str:
        """Return a file's path beneath the root."""
        return f"{self.name}/{file}"

    def ensure(self) -> None:
        """Create the folder when it is missing. Raises refusals."""
        self._ensure(self.name)

    def found(self) -> list[Found]:
        """Return every mod by its id; where one is there twice, the one that the game loads."""
        mods: dict[str, Found] = {}
        for name, about in self._files():
            known = id_of(name)
            if known and (known[0] not in mods or known[1]):
                mods[known[0]] = Found(*known, about)
        return [mods[key] for key in sorted(mods, key=str.lower)]

    def find(self, mod_id: str) -> Found | None:
        """Return one mod, or ``None``. Raises refusals, such as when the folder is a link."""
        for enabled in (True, False):
            try:
                about = self.root.stat(self.path(file_of(mod_id, enabled=enabled)))
            except Missing:
                continue
            if stat.S_ISREG(about.st_mode):
                return Found(mod_id, enabled, about)
        return None

    def need(self, mod_id: str) -> Found:
        """Return one mod. Raises :class:`NoSuchMod`."""
        found = self.find(mod_id)
        if found is None:
            raise NoSuchMod("there is no such mod")
        return found

    def open_part(self) -> tuple[str, int]:
        """Begin a file that no game loads; return its path and descriptor. Raises refusals."""
        path = self.path(f".zlh-{uuid.uuid4().hex}.part")
        return path, self.root.open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)

    def switch(self, mod: Found, *, enabled: bool) -> None:
        """Rename a mod so that the game loads it, or does not. Raises :class:`ModExists`."""
        try:
            self._move(mod, self.path(file_of(mod.id, enabled=enabled)))
        except Exists as error:
            raise ModExists("a file of the other name is there already") from error
        self.sync(self.name)

    def put_away(self, mod: Found) -> str:
        """Move a mod to ``mods-removed``, beside whatever is there; return its path. Raises refusals."""
        self._ensure(REMOVED)
        for number in range(1, MAX_SPARES):
            target = f"{REMOVED}/{spare_name(mod.id, number)}"
            try:
                self._move(mod, target)
            except Exists:
                continue
            self.sync(REMOVED)
            self.sync(self.name)
            return target
        raise ModExists(f"{REMOVED} holds too many files of this name")

    def clean(self) -> int:
        """Remove what interrupted installs left; return how many files that were."""
        parts = [name for name, _ in self._files() if PART.fullmatch(name)]
        for name in parts:
            self.root.unlink(self.path(name))
        return len(parts)

    def sync(self, folder: str) -> None:
        """Make renames in a folder last."""
        descriptor = self.root.open_folder(folder)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _ensure(self, folder: str) -> None:
        try:
            self.root.make_folder(folder)
        except Exists:
            os.close(self.root.open_folder(folder))  # refuses a link, or a file

    def _move(self, mod: Found, target: str) -> None:
        source = self.path(mod.file)
        try:
            self.root.rename_new(source, target)
        except Exists:
            there = self.root.stat(target)
            if (there.st_dev, there.st_ino) != (mod.stat.st_dev, mod.stat.st_ino):
                raise
            self.root.unlink(source)  # a death in the middle of the same move left it under both names

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        try:
            descriptor = self.root.open_folder(self.name)
        except Missing:
            return
        try:
            with os.scandir(descriptor) as entries:
                for _, entry in zip(range(MAX_ENTRIES), entries, strict=False):
                    if entry.is_file(follow_symlinks=False):
                        yield entry.name, entry.stat(follow_symlinks=False)
        finally:
            os.close(descriptor)
