"""Owned by the workflow kernel."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Timestamp


class WorkerLease(Base):
    """A worker process and the moment until which it is believed alive."""

    __tablename__ = "worker_leases"

    executor_id: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[Timestamp]
