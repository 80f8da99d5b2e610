"""Hashes of files that rarely change: computed once, and again only when a file is another one."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zpack.agent.mods.folder import Found, ModFolder

CHUNK = 1024 * 1024
LIST_SECONDS = 3.0
"""How long one listing may spend on hashing; what is left comes with the next."""
KEPT = 10_000
Key = tuple[int, int, int, int, int]


class Digests:
    """SHA-512 by file identity, time of change and size."""

    def __init__(self) -> None:
        self._known: dict[Key, str] = {}

    def of(self, folder: ModFolder, mods: Iterable[Found]) -> dict[str, str | None]:
        """Return each mod's hash; ``None`` for one whose turn has not come yet, or that changes just now."""
        deadline = time.monotonic() + LIST_SECONDS
        told: dict[str, str | None] = {}
        for mod in mods:
            key = _key(mod.stat)
            digest = self._known.pop(key, None)
            if digest is None and time.monotonic() < deadline:
                digest = self.fresh(folder, mod)
            if digest is not None:
                self._known[key] = digest  # at the end: those that nobody asks for go first
            told[mod.id] = digest
        while len(self._known) > KEPT:
            self._known.pop(next(iter(self._known)), None)
        return told

    def fresh(self, folder: ModFolder, mod: Found, *, algorithm: str = "sha512") -> str | None:
        """Return a mod's hash by reading it, or ``None`` when it changed meanwhile. Raises refusals."""
        descriptor = folder.root.open_file(folder.path(mod.file), os.O_RDONLY)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            before = _key(os.fstat(descriptor))
            digest = hashlib.new(algorithm, usedforsecurity=False)
            while chunk := file.read(CHUNK):
                digest.update(chunk)
            same = _key(os.fstat(descriptor)) == before == _key(mod.stat)
        return digest.hexdigest() if same else None


def _key(about: os.stat_result) -> Key:
    return about.st_dev, about.st_ino, about.st_mtime_ns, about.st_ctime_ns, about.st_size
