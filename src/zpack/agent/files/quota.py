"""How much a server's folder may hold: measured now and then, counted in between.

The count is shared by all who write, so that two uploads at once cannot both take the last free megabyte.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

from zpack.agent.rooted.paths import Full, Missing
from zpack.agent.rooted.root import Root

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 512
FRESH_SECONDS = 30.0


class QuotaExceeded(Full):
    """The server has used up what it may store."""

    code = "quota_exceeded"


def used_bytes(folder: Path) -> int:
    """Return what is allocated below a folder, as ``du`` counts it. Raises refusals."""
    try:
        with Root.open(folder) as root:
            seen: set[int] = set()
            total = 0
            for entry in root.walk():
                if entry.is_folder or entry.stat.st_ino not in seen:
                    total += entry.stat.st_blocks * BLOCK
                if entry.stat.st_nlink > 1:
                    seen.add(entry.stat.st_ino)
            return total
    except Missing:
        return 0


class Quota:
    """Keeps the count of one folder."""

    def __init__(self, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._fresh_seconds = fresh_seconds
        self._folder: Path | None = None
        self._used = 0
        self._written = 0
        self._measured = -float("inf")
        self._measuring = asyncio.Lock()
        self._counting = threading.Lock()

    async def measure(self, folder: Path, *, limit: int | None) -> None:
        """Look at the disk when the count is old. Raises :class:`QuotaExceeded`."""
        if limit is None:
            return
        async with self._measuring:
            old = time.monotonic() - self._measured > self._fresh_seconds
            if old or folder != self._folder:
                before = self._written
                used = await asyncio.to_thread(used_bytes, folder)
                self._folder, self._measured = folder, time.monotonic()
                self._used = used + self._written - before
        self.take(0, limit=limit)

    def take(self, size: int, *, limit: int | None) -> None:
        """Count bytes that are about to be written. Raises :class:`QuotaExceeded` and counts none."""
        with self._counting:
            if limit is not None and self._used + size > limit:
                msg = f"the server may store {limit // (1024 * 1024)} MiB, and they are used up"
                raise QuotaExceeded(msg)
            self._used += size
            self._written += size

    def give_back(self, size: int) -> None:
        """Count bytes that are gone again."""
        with self._counting:
            self._used = max(0, self._used - size)
