"""Owned by the room ``support``."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now


class SupportTicket(Base):
    """A question and who asked it; ``user_id`` is empty when nobody was logged in."""

    __tablename__ = "support_tickets"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    name: Mapped[str]
    email: Mapped[str]
    subject: Mapped[str]
    status: Mapped[str]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]

    __table_args__ = (
        Index("ix_support_tickets_user_id", "user_id", "created_at", "id"),
        Index("ix_support_tickets_status", "status", "created_at", "id"),
        Index("ix_support_tickets_created_at", "created_at", "id"),
    )


class SupportMessage(Base):
    """One message of a ticket. ``author`` is ``customer`` or ``staff``."""

    __tablename__ = "support_messages"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("support_tickets.id", ondelete="CASCADE"))
    author: Mapped[str]
    user_id: Mapped[str | None]
    name: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[Now]

    __table_args__ = (Index("ix_support_messages_ticket_id", "ticket_id", "id"),)
