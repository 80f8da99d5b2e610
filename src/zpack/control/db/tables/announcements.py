"""Owned by the room ``announcements``."""

from __future__ import annotations

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now, Timestamp


class Announcement(Base):
    """What an administrator tells everybody, as plain text; shown until ``expires_at``, if it has one."""

    __tablename__ = "announcements"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    text: Mapped[str]
    level: Mapped[str]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
    expires_at: Mapped[Timestamp | None]

    __table_args__ = (Index("ix_announcements_created_at", "created_at", "id"),)
