"""Owned by the room ``accounts``."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now, Timestamp


class User(Base):
    """A person who can log in (contract §3.4). ``email`` and ``username`` are unique regardless of case."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    email_verified: Mapped[bool] = mapped_column(server_default="false")
    username: Mapped[str]
    password_hash: Mapped[str]
    second_factor: Mapped[bool] = mapped_column(server_default="false")
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


class LoginSession(Base):
    """One login and all that grew from it. ``generation`` counts the rotations of its refresh token."""

    __tablename__ = "login_sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    address: Mapped[str]
    user_agent: Mapped[str]
    generation: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[Now]
    last_used_at: Mapped[Now]
    expires_at: Mapped[Timestamp]
    revoked_at: Mapped[Timestamp | None]


class RefreshToken(Base):
    """A refresh token of a session's present or last generation; only its hash is kept."""

    __tablename__ = "refresh_tokens"

    digest: Mapped[str] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("login_sessions.id", ondelete="CASCADE"), index=True)
    generation: Mapped[int]
