"""SQL of the workers' leases; it lives here because only ``db`` and stores speak SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import WorkerLease

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


class LeaseRows:
    """Reads and writes ``worker_leases``."""

    async def renew(self, session: AsyncSession, executor_id: str, until: datetime) -> None:
        """Insert or extend one lease."""
        row = insert(WorkerLease).values(executor_id=executor_id, expires_at=until)
        await session.execute(
            row.on_conflict_do_update(index_elements=["executor_id"], set_={"expires_at": until})
        )

    async def living(self, session: AsyncSession, now: datetime) -> set[str]:
        """Return the executors whose lease ends after ``now``."""
        return set(await session.scalars(select(WorkerLease.executor_id).where(WorkerLease.expires_at > now)))

    async def remove(self, session: AsyncSession, executor_id: str) -> None:
        """Delete one lease."""
        await session.execute(delete(WorkerLease).where(WorkerLease.executor_id == executor_id))
