"""Stripe's objects as this house sees them: the few fields that are used, typed, read at the boundary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_LETTERS = 255
LIVE = frozenset({"trialing", "active", "past_due", "unpaid", "paused"})
"""Statuses of a subscription that somebody has; ``incomplete`` was never paid for."""
OWING = frozenset({"past_due", "unpaid"})


@dataclass(frozen=True)
class Subscription:
    """What one customer has. ``next_price`` is what a schedule changes it to, at ``next_at``."""

    id: str
    customer: str
    status: str
    created: datetime
    price: str | None
    item: str | None
    period_start: datetime | None
    period_end: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    trial_end: datetime | None
    pending_update: bool
    schedule: str | None
    next_price: str | None
    next_at: datetime | None
    payment_failed: bool
    """Whether Stripe ended it because nobody paid."""

    @property
    def is_live(self) -> bool:
        """Whether the customer has it."""
        return self.status in LIVE


@dataclass(frozen=True)
class Invoice:
    """One bill. ``url`` is a credential: whoever has it may pay, and see the customer's name."""

    id: str
    customer: str | None
    subscription: str | None
    status: str
    attempted: bool
    amount_remaining: int
    currency: str
    finalized_at: datetime
    url: str | None


@dataclass(frozen=True)
class Checkout:
    """A hosted checkout. ``url`` is a credential."""

    id: str
    customer: str | None
    status: str
    user_id: str | None
    url: str | None


@dataclass(frozen=True)
class CustomerFacts:
    """Everything about one customer that decides what their account may do."""

    id: str
    deleted: bool
    user_id: str | None
    subscriptions: tuple[Subscription, ...] = ()
    open_invoices: tuple[Invoice, ...] = ()


@dataclass(frozen=True)
class Preview:
    """What a change would cost today."""

    amount_cents: int
    currency: str


@dataclass(frozen=True)
class Notice:
    """That something happened to an object: all we believe of an event, thin or snapshot."""

    id: str
    type: str
    created: datetime
    object_kind: str
    object_id: str
    customer: str | None
    user_id: str | None = None


def subscription_of(body: Mapping[str, Any]) -> Subscription:
    """Read a subscription, its schedule expanded or not."""
    item = next(iter(body["items"]["data"]), None) or {}
    schedule, (next_price, next_at) = body.get("schedule"), _next_phase(body)
    return Subscription(
        id=body["id"],
        customer=ident(body["customer"]) or "",
        status=body["status"],
        created=_moment(body["created"]),
        price=ident(item.get("price")),
        item=item.get("id"),
        period_start=moment(item.get("current_period_start")),
        period_end=moment(item.get("current_period_end")),
        cancel_at_period_end=bool(body.get("cancel_at_period_end")),
        cancel_at=moment(body.get("cancel_at")),
        trial_end=moment(body.get("trial_end")),
        pending_update=body.get("pending_update") is not None,
        schedule=ident(schedule),
        next_price=next_price,
        next_at=next_at,
        payment_failed=(body.get("cancellation_details") or {}).get("reason") == "payment_failed",
    )


def invoice_of(body: Mapping[str, Any]) -> Invoice:
    """Read an invoice."""
    parent = (body.get("parent") or {}).get("subscription_details") or {}
    finalized = (body.get("status_transitions") or {}).get("finalized_at")
    return Invoice(
        id=body["id"],
        customer=ident(body.get("customer")),
        subscription=ident(parent.get("subscription")),
        status=body.get("status") or "draft",
        attempted=bool(body.get("attempted") or body.get("attempt_count")),
        amount_remaining=int(body.get("amount_remaining") or 0),
        currency=body.get("currency") or "usd",
        finalized_at=_moment(finalized or body["created"]),
        url=body.get("hosted_invoice_url"),
    )


def checkout_of(body: Mapping[str, Any]) -> Checkout:
    """Read a checkout session."""
    return Checkout(
        id=body["id"],
        customer=ident(body.get("customer")),
        status=body.get("status") or "open",
        user_id=user_of(body),
        url=body.get("url"),
    )


def notice_of(body: Mapping[str, Any]) -> Notice:
    """Read an event of either form. Raises KeyError, TypeError, ValueError, AttributeError."""
    if body["object"] == "v2.core.event":
        related = body.get("related_object") or {}
        kind, object_id = _word(related.get("type") or ""), _word(related.get("id") or "")
        return Notice(
            id=_word(body.get("snapshot_event") or body["id"]),
            type=_word(body["type"]).removeprefix("v1."),
            created=datetime.fromisoformat(body["created"]).astimezone(UTC),
            object_kind=kind,
            object_id=object_id,
            customer=object_id if kind == "customer" else None,
        )
    if body["object"] != "event":
        raise ValueError("neither a snapshot nor a thin event")
    about = body["data"]["object"]
    kind, object_id = _word(about.get("object") or ""), _word(about.get("id") or "")
    return Notice(
        id=_word(body["id"]),
        type=_word(body["type"]),
        created=_moment(body["created"]),
        object_kind=kind,
        object_id=object_id,
        customer=object_id if kind == "customer" else _word(ident(about.get("customer")) or "") or None,
        user_id=user_of(about),
    )


def user_of(body: Mapping[str, Any]) -> str | None:
    """Return the user that we or the operator wrote on an object; its reference id anyone may choose."""
    named = (body.get("metadata") or {}).get("userId")
    return named if _is_word(named) else None


def ident(found: Any) -> str | None:
    """Return an id, of an object or expanded."""
    if isinstance(found, dict):
        return found.get("id")
    return found or None


def _word(found: Any) -> str:
    """Return a word of Stripe's. Raises ValueError for what is none, and could not be stored."""
    if not _is_word(found):
        raise ValueError("not a word of Stripe's")
    return found


def _is_word(found: Any) -> bool:
    return isinstance(found, str) and len(found) <= MOST_LETTERS and found.isascii() and found.isprintable()


def moment(seconds: Any) -> datetime | None:
    """Return a moment, or None for none."""
    return None if seconds is None else _moment(seconds)


def _moment(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _next_phase(body: Mapping[str, Any]) -> tuple[str | None, datetime | None]:
    schedule = body.get("schedule")
    if not isinstance(schedule, dict) or schedule.get("status") != "active":
        return None, None
    present = (schedule.get("current_phase") or {}).get("end_date")
    for phase in schedule.get("phases") or []:
        if present is not None and phase["start_date"] >= present:
            items = phase.get("items") or [{}]
            return ident(items[0].get("price")), moment(phase["start_date"])
    return None, None
