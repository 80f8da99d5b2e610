"""What one backup may take: content, disk, time. Pure but for one look at the disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from zpack.agent.problems import Refusal
from zpack.agent.rooted.paths import Full

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ITEMS = 1_000_000


class TooLarge(Refusal):
    """More content than a backup may hold."""

    kind = "too_large"
    code = "backup_too_large"


@dataclass(frozen=True)
class Room:
    """How much content, and how much of the disk must stay free."""

    max_bytes: int
    min_free_bytes: int

    def check_content(self, size: int, items: int) -> None:
        """Raise :class:`TooLarge` when that is more than a backup may hold."""
        if size > self.max_bytes or items > MAX_ITEMS:
            msg = f"a backup may hold {self.max_bytes} bytes in {MAX_ITEMS} files, not {size} in {items}"
            raise TooLarge(msg)

    def check_disk(self, descriptor: int, *, more: int = 0) -> None:
        """Raise :class:`Full` when ``more`` bytes would leave too little of the disk."""
        about = os.fstatvfs(descriptor)
        if about.f_bavail * about.f_frsize - more < self.min_free_bytes:
            raise Full("there is too little room on the disk", code="disk_full")


def is_skipped(name: str, patterns: Iterable[str]) -> bool:
    """Say whether an entry of the server's folder is re-created, so that no backup holds or replaces it."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
