"""Owned by the kernels of workflows and pollers."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Timestamp


class WorkerLease(Base):
    """A worker process and the moment until which it is believed alive."""

    __tablename__ = "worker_leases"

    executor_id: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[Timestamp]


class PollingWorker(Base):
    """A worker that takes part in the polling, and the moment until which it counts."""

    __tablename__ = "polling_workers"

    worker: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[Timestamp]


class WorkShard(Base):
    """A share of all servers, and the worker that has it until its lease runs out."""

    __tablename__ = "work_shards"

    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    worker: Mapped[str | None]
    expires_at: Mapped[Timestamp]
