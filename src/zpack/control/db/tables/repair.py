"""Owned by the room ``repair``: where the world and its record differ, and what was done about it."""

from __future__ import annotations

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Json, Now, Timestamp


class RepairFinding(Base):
    """One difference, known by its identity: one that comes and goes is one row."""

    __tablename__ = "repair_findings"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    vmid: Mapped[int | None]
    state: Mapped[str]
    evidence: Mapped[Json]
    looks: Mapped[int]
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_try: Mapped[Timestamp | None]
    first_seen: Mapped[Now]
    last_seen: Mapped[Now]
    healed_at: Mapped[Timestamp | None]

    __table_args__ = (Index("ix_repair_findings_state", "state"),)


class RepairEvent(Base):
    """One thing that happened to a finding. A ``notice`` is told to the operator, until it is sent."""

    __tablename__ = "repair_events"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    finding_id: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    vmid: Mapped[int | None]
    event: Mapped[str]
    actor: Mapped[str]
    details: Mapped[Json]
    notice: Mapped[str | None]
    notice_tries: Mapped[int] = mapped_column(server_default="0")
    notice_due: Mapped[Timestamp | None]
    created_at: Mapped[Now]

    __table_args__ = (
        Index("ix_repair_events_vmid", "vmid", "created_at", "id"),
        Index("ix_repair_events_notice_due", "notice_due", postgresql_where=text("notice_due is not null")),
    )
