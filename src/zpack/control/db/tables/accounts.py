"""Owned by the room ``accounts``."""

from __future__ import annotations

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now


class User(Base):
    """A person who can log in (contract §3.4). ``email`` and ``username`` are unique regardless of case."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    username: Mapped[str]
    password_hash: Mapped[str]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    display_name: Mapped[str | None]
    role: Mapped[str] = mapped_column(server_default="user")
    created_at: Mapped[Now]
    updated_at: Mapped[Now]

    __table_args__ = (
        Index("uq_users_email_lower", text("lower(email)"), unique=True),
        Index("uq_users_username_lower", text("lower(username)"), unique=True),
    )
