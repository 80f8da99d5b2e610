"""Owned by the room ``audit``."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Json, Now


class AuditEntry(Base):
    """One mutation: who did what to which thing (contract §3.4 ``AuditLog``)."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    action: Mapped[str]
    actor: Mapped[str | None] = mapped_column(index=True)
    payload: Mapped[Json]
    created_at: Mapped[Now]
