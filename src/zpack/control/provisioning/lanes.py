"""Lanes for clones: one node and storage clone only so many at once, across all workers.

Proxmox waits ten seconds for a storage's or a template's lock and then fails, so waiting here is kinder. A
lane is a PostgreSQL advisory lock; a semaphore in front of it keeps our own waiters off the connection pool.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from zpack.control.engine.backoff import pauses

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from zpack.control.db.session import Database


class Lanes:
    """``width`` clones at once for each key."""

    def __init__(self, *, database: Database, width: int) -> None:
        self._database = database
        self._width = width
        self._gates: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(width))

    @asynccontextmanager
    async def enter(self, key: str) -> AsyncGenerator[None]:
        """Hold one of the key's lanes."""
        async with self._gates[key]:
            for pause in pauses(first=0.05, cap=1.0):
                for lane in range(self._width):
                    async with self._database.advisory_lock(f"clone:{key}:{lane}") as got:
                        if got:
                            yield
                            return
                await asyncio.sleep(pause)
