"""SQL of the workers' leases and shards; it lives here because only ``db`` and stores speak SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import PollingWorker, WorkerLease, WorkShard

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta

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


class ShardRows:
    """Reads and writes ``polling_workers`` and ``work_shards``. All times are the database's own."""

    async def appear(self, session: AsyncSession, worker: str, lease: timedelta) -> None:
        """Say that a worker lives; forget those that no longer do."""
        until = func.now() + lease
        row = insert(PollingWorker).values(worker=worker, expires_at=until)
        await session.execute(
            row.on_conflict_do_update(index_elements=["worker"], set_={"expires_at": until})
        )
        await session.execute(delete(PollingWorker).where(PollingWorker.expires_at <= func.now()))

    async def vanish(self, session: AsyncSession, worker: str) -> None:
        """Forget a worker that ends."""
        await session.execute(delete(PollingWorker).where(PollingWorker.worker == worker))

    async def workers(self, session: AsyncSession) -> int:
        """Return how many workers live."""
        return await session.scalar(select(func.count()).select_from(PollingWorker)) or 1

    async def renew(self, session: AsyncSession, worker: str, lease: timedelta) -> frozenset[int]:
        """Extend a worker's leases that have not run out; return their shards."""
        found = await session.scalars(
            update(WorkShard)
            .where(WorkShard.worker == worker, WorkShard.expires_at > func.now())
            .values(expires_at=func.now() + lease)
            .returning(WorkShard.shard)
        )
        return frozenset(found)

    async def take(self, session: AsyncSession, worker: str, lease: timedelta, most: int) -> frozenset[int]:
        """Lease at most so many shards that nobody holds; return them."""
        free = (
            select(WorkShard.shard)
            .where(WorkShard.expires_at <= func.now())
            .order_by(WorkShard.shard)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        found = await session.scalars(
            update(WorkShard)
            .where(WorkShard.shard.in_(free.scalar_subquery()))
            .values(worker=worker, expires_at=func.now() + lease)
            .returning(WorkShard.shard)
        )
        return frozenset(found)

    async def give_back(self, session: AsyncSession, worker: str, shards: Collection[int]) -> None:
        """End a worker's leases on these shards."""
        await session.execute(
            update(WorkShard)
            .where(WorkShard.worker == worker, WorkShard.shard.in_(shards))
            .values(worker=None, expires_at=func.now())
        )
