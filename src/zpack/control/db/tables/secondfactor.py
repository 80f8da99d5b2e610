"""Owned by the room ``secondfactor``."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now, Timestamp


class SecondFactor(Base):
    """The sealed secret of an authenticator. ``last_step`` is the last 30 s window a code was used of."""

    __tablename__ = "second_factors"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[str]
    last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[Now]
    confirmed_at: Mapped[Timestamp | None]


class RecoveryCode(Base):
    """A code that stands for the authenticator once; only its hash is kept."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
