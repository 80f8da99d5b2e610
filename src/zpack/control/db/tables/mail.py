"""Owned by the room ``mail``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now, Timestamp


class OutboxMail(Base):
    """A mail to be sent, or the memory of one: then without its facts and its recipient.

    ``due_at`` is also the lease of whoever sends it: claiming a row moves it ahead. ``road`` is the way that
    was tried last and may have taken the mail; ``outcome`` is set once nothing more will happen.
    """

    __tablename__ = "mail_outbox"

    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    template: Mapped[str]
    user_id: Mapped[str | None]
    recipient: Mapped[str | None]
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[Timestamp] = mapped_column(server_default=func.now())
    road: Mapped[str | None]
    outcome: Mapped[str | None]
    complaint: Mapped[str | None]
    created_at: Mapped[Now]
    ended_at: Mapped[Timestamp | None]

    __table_args__ = (
        Index("ix_mail_outbox_due", "due_at", postgresql_where=text("outcome is null")),
        Index("ix_mail_outbox_ended", "ended_at"),
    )
