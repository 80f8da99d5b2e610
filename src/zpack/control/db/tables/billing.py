"""Owned by the room ``billing``: whose customer is whose, what Stripe was last seen to say, and its inbox."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from zpack.control.db.tables.base import Base, Now, Timestamp


class BillingAccount(Base):
    """One user's account with Stripe, and how far the ladder of non-payment was climbed (contract §10.5).

    ``version`` counts the times Stripe's word was written here: who fetched it under an older one fetches
    again. ``past_due_since`` is Stripe's word, the other moments are those of our own steps.
    """

    __tablename__ = "billing_accounts"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    customer_id: Mapped[str | None] = mapped_column(unique=True)
    checkout_id: Mapped[str | None]
    exempt: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether an administrator has freed the account from paying."""
    version: Mapped[int] = mapped_column(server_default="0")
    synced_at: Mapped[Timestamp | None]
    past_due_since: Mapped[Timestamp | None] = mapped_column(index=True)
    warning_sent_at: Mapped[Timestamp | None]
    final_warning_sent_at: Mapped[Timestamp | None]
    backup_blocked_at: Mapped[Timestamp | None]
    suspended_at: Mapped[Timestamp | None]
    retained_at: Mapped[Timestamp | None]
    retention_until: Mapped[Timestamp | None]
    pending_deletion_at: Mapped[Timestamp | None]
    last_billing_event_at: Mapped[Timestamp | None]
    last_enforcement_action: Mapped[str | None]
    created_at: Mapped[Now]


class BillingSubscription(Base):
    """A subscription as Stripe was last seen to describe it."""

    __tablename__ = "billing_subscriptions"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    status: Mapped[str]
    price_id: Mapped[str | None]
    plan: Mapped[str | None]
    item_id: Mapped[str | None]
    created_at: Mapped[Timestamp]
    period_end: Mapped[Timestamp | None]
    cancel_at_period_end: Mapped[bool]
    cancel_at: Mapped[Timestamp | None]
    trial_end: Mapped[Timestamp | None]
    pending_update: Mapped[bool]
    schedule_id: Mapped[str | None]
    next_plan: Mapped[str | None]
    next_at: Mapped[Timestamp | None]


class BillingEvent(Base):
    """An event of Stripe's: stored once, acted on later. A thin event and its snapshot have one row."""

    __tablename__ = "billing_events"

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    object_kind: Mapped[str]
    object_id: Mapped[str]
    customer_id: Mapped[str | None]
    user_id: Mapped[str | None]
    happened_at: Mapped[Timestamp]
    received_at: Mapped[Now]
    due_at: Mapped[Now]
    attempts: Mapped[int] = mapped_column(server_default="0")
    outcome: Mapped[str | None]
    complaint: Mapped[str | None]
    ended_at: Mapped[Timestamp | None]

    __table_args__ = (
        Index("ix_billing_events_due", "due_at", postgresql_where=text("outcome is null")),
        Index("ix_billing_events_ended_at", "ended_at"),
    )


class BillingRequest(Base):
    """What a customer asked for that costs money; its id is the root of the keys that Stripe is given."""

    __tablename__ = "billing_requests"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str | None]
    kind: Mapped[str]
    plan: Mapped[str | None]
    attempt: Mapped[int] = mapped_column(server_default="1")
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[Now] = mapped_column(index=True)

    __table_args__ = (Index("uq_billing_requests_key", "user_id", "key", unique=True),)
