"""Owned by the room ``entitlements``: what can be bought, and how each account stands."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Json, Now, Timestamp


class Plan(Base):
    """What an account may use. ``limits`` is read by ``entitlements.models.Limits``."""

    __tablename__ = "plans"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    price_cents: Mapped[int] = mapped_column(server_default="0")
    currency: Mapped[str] = mapped_column(server_default="usd")
    interval: Mapped[str] = mapped_column(server_default="month")
    stripe_price_id: Mapped[str | None] = mapped_column(unique=True)
    limits: Mapped[Json]
    idle: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """``{minutes, required}``: its servers stop when nobody uses them; null leaves it to their owners."""
    position: Mapped[int] = mapped_column(server_default="0")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    """Whether it is offered; one that is not may still be had."""
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


class Standing(Base):
    """How an account stands; one without a row has the default plan and may do everything in it.

    ``held_at`` and ``held_reason`` are a suspension by an administrator, which no payment lifts.
    """

    __tablename__ = "standings"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    plan: Mapped[str | None] = mapped_column(ForeignKey("plans.id"))
    billing_status: Mapped[str] = mapped_column(server_default="none")
    server_billing_state: Mapped[str] = mapped_column(server_default="allowed")
    suspended_at: Mapped[Timestamp | None]
    reason: Mapped[str | None]
    held_at: Mapped[Timestamp | None]
    held_reason: Mapped[str | None]
    updated_at: Mapped[Now]

    __table_args__ = (
        # The suspension reconciler asks for these every two seconds; there are few among many.
        Index(
            "ix_standings_suspended",
            "user_id",
            postgresql_where=text(
                "held_at is not null or server_billing_state in ('suspended_shutdown', 'retained')"
            ),
        ),
    )
