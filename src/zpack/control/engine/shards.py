"""Splits repeated work among workers: each VMID belongs to one of 64 shards, each shard to one worker.

A shard is leased in PostgreSQL by the database's clock. A worker that dies is missed after ``LEASE``; one
that merely stalls knows by its own clock that its leases have run out and does nothing until it has new ones.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.db.leases import ShardRows
    from zpack.control.db.session import Database

log = logging.getLogger("zpack.shards")
SHARDS = 64
LEASE = timedelta(seconds=8)
MARGIN = 1.0
"""Seconds before the lease's end at which we stop believing in it."""
RENEW_SECONDS = 2.0
SINGLE = 0
"""Whoever holds this shard also does what one worker alone does."""


def shard_of(vmid: int) -> int:
    """Return the shard of a VMID."""
    return vmid % SHARDS


class Shards:
    """The shards this worker holds. ``clock`` counts this process's own seconds."""

    def __init__(
        self,
        *,
        database: Database,
        rows: ShardRows,
        worker: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._rows = rows
        self._worker = worker
        self._clock = clock
        self._held: frozenset[int] = frozenset()
        self._until = 0.0

    @property
    def held(self) -> frozenset[int]:
        """Return the shards held now; none when the leases have run out."""
        return self._held if self._clock() < self._until else frozenset()

    def alone(self) -> bool:
        """Say whether this worker is the one that does what only one may do."""
        return SINGLE in self.held

    async def renew(self) -> None:
        """Extend our leases, take free shards up to a fair share, give back what exceeds it."""
        began = self._clock()
        async with self._database.transaction() as session:
            await self._rows.appear(session, self._worker, LEASE)
            share = -(-SHARDS // await self._rows.workers(session))
            held = await self._rows.renew(session, self._worker, LEASE)
            if len(held) > share:
                keep = frozenset(sorted(held)[:share])
                await self._rows.give_back(session, self._worker, held - keep)
            else:
                keep = held | await self._rows.take(session, self._worker, LEASE, share - len(held))
        if keep != self._held:
            log.info("this worker holds %d of %d shards", len(keep), SHARDS)
        self._held, self._until = keep, began + LEASE.total_seconds() - MARGIN

    async def release(self) -> None:
        """Give everything back at a clean end, so that another worker need not wait for it."""
        held, self._held, self._until = self._held, frozenset(), 0.0
        async with self._database.transaction() as session:
            await self._rows.give_back(session, self._worker, held)
            await self._rows.vanish(session, self._worker)
