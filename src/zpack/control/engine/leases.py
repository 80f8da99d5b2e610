"""Leases of worker processes: who is believed alive, so that a dead one's work can be taken over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from zpack.control.db.leases import LeaseRows
    from zpack.control.db.session import Database

LEASE = timedelta(seconds=20)


class Leases:
    """Keeps this worker's lease and lists the living."""

    def __init__(self, *, database: Database, rows: LeaseRows, executor_id: str) -> None:
        self._database = database
        self._rows = rows
        self.executor_id = executor_id

    async def renew(self) -> None:
        """Extend this worker's lease."""
        async with self._database.transaction() as session:
            await self._rows.renew(session, self.executor_id, datetime.now(UTC) + LEASE)

    async def living(self) -> set[str]:
        """Return the executors whose lease has not run out; we who ask are alive."""
        async with self._database.transaction() as session:
            return {self.executor_id, *await self._rows.living(session, datetime.now(UTC))}

    def alone(self) -> AbstractAsyncContextManager[bool]:
        """Yield True to one worker at a time, False to the others."""
        return self._database.advisory_lock("zpack take-over")

    async def release(self) -> None:
        """Give the lease back at a clean end, so that another worker need not wait for it."""
        async with self._database.transaction() as session:
            await self._rows.remove(session, self.executor_id)
