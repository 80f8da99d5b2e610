"""Owned by the room ``audit``."""

from __future__ import annotations

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Json, Now


class AuditEntry(Base):
    """One mutation: who did what to which thing (contract §3.4 ``AuditLog``)."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    action: Mapped[str]
    actor: Mapped[str | None]
    address: Mapped[str | None]
    session_id: Mapped[str | None]
    api_key: Mapped[str | None]
    payload: Mapped[Json]
    created_at: Mapped[Now]

    __table_args__ = (
        Index("ix_audit_log_actor_id", "actor", "id"),
        Index("ix_audit_log_action_id", "action", "id"),
        Index("ix_audit_log_created_at", "created_at", "id"),
        Index(
            "ix_audit_log_vmid",
            text("(payload ->> 'vmid')"),
            "id",
            postgresql_where=text("payload ->> 'vmid' is not null"),
        ),
        Index(
            "ix_audit_log_vmid_created_at",
            text("(payload ->> 'vmid')"),
            "created_at",
            "id",
            postgresql_where=text("payload ->> 'vmid' is not null"),
        ),
    )
