"""Owned by the room ``operations``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Json, Now, Timestamp


class Operation(Base):
    """Something a person waits for (design.md §4)."""

    __tablename__ = "operations"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    status: Mapped[str]
    phase: Mapped[str | None]
    progress: Mapped[float] = mapped_column(server_default="0")
    customer_id: Mapped[str | None]
    vmid: Mapped[int | None]
    hostname: Mapped[str | None]
    display_name: Mapped[str | None]
    request_id: Mapped[str]
    attempt: Mapped[int] = mapped_column(server_default="1")
    input: Mapped[Json]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    cancel_requested: Mapped[bool] = mapped_column(server_default=text("false"))
    deadline: Mapped[Timestamp]
    started_at: Mapped[Now]
    updated_at: Mapped[Now]
    finished_at: Mapped[Timestamp | None]

    __table_args__ = (
        Index("ix_operations_customer_id", "customer_id", "started_at", "id"),
        Index("ix_operations_vmid", "vmid", "started_at", "id"),
        Index("ix_operations_started_at", "started_at", "id"),
        Index("ix_operations_status", "status", "started_at", "id"),
        Index("ix_operations_kind", "kind", "started_at", "id"),
        # Two deletes of one server are one operation: the second finds the first here.
        Index(
            "uq_operations_one_delete",
            "vmid",
            unique=True,
            postgresql_where=text("kind = 'instance-delete' and status in ('queued', 'running')"),
        ),
    )


class IdempotencyKey(Base):
    """A caller's promise that two requests are one; kept for 24 h."""

    __tablename__ = "idempotency_keys"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    operation_id: Mapped[str] = mapped_column(ForeignKey("operations.id", ondelete="CASCADE"))
    created_at: Mapped[Now]
