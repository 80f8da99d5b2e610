"""Owned by the room ``recovery``."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now, Timestamp


class MailedToken(Base):
    """The hash of a token that was sent to ``email`` and proves that its reader owns that mailbox."""

    __tablename__ = "mailed_tokens"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
    email: Mapped[str]
    expires_at: Mapped[Timestamp]
    used_at: Mapped[Timestamp | None]
    created_at: Mapped[Now]

    __table_args__ = (Index("ix_mailed_tokens_user_id", "user_id", "purpose"),)


class ResetRequest(Base):
    """Someone asked for a reset of whatever account has this address; nobody has looked yet."""

    __tablename__ = "reset_requests"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    email: Mapped[str]
    created_at: Mapped[Now]
