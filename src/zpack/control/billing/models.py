"""What a customer may ask for, and how Stripe's facts are judged: pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import StringConstraints

from zpack.control.accounts.models import Body

PlanId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
STATUS_ORDER = ("active", "trialing", "past_due", "unpaid", "paused")
LIVE = frozenset(STATUS_ORDER)
"""Statuses of a subscription that somebody has; ``incomplete`` was never paid for."""
OWING = frozenset({"past_due", "unpaid"})
REMINDER = timedelta(days=3)
"""How long before a trial's end its owner is told."""


class PlanBody(Body):
    """``POST /api/billing/{checkout,upgrade,downgrade}``."""

    plan: PlanId


class ExemptBody(Body):
    """``PUT /api/admin/billing/{userId}/exempt``."""

    exempt: bool


@dataclass(frozen=True)
class Had:
    """A subscription as it decides an account's standing."""

    id: str
    status: str
    plan: str | None
    created: datetime
    period_start: datetime | None
    payment_failed: bool


@dataclass(frozen=True)
class Owed:
    """An unpaid bill that was tried."""

    subscription: str | None
    since: datetime


@dataclass(frozen=True)
class Verdict:
    """What Stripe's facts mean: the plan that is paid for, since when money is owed, and the plain status."""

    current: str | None
    plan: str | None
    status: str
    owed_since: datetime | None


def judge(subscriptions: Iterable[Had], bills: Iterable[Owed]) -> Verdict:
    """Return what a customer's subscriptions and unpaid bills mean. It depends on nothing else.

    One that Stripe ended because nobody paid is owed for until its bill is paid, void, or replaced by a new
    subscription.
    """
    found = sorted(subscriptions, key=lambda each: (each.created, each.id), reverse=True)
    live = sorted((each for each in found if each.status in LIVE), key=lambda e: STATUS_ORDER.index(e.status))
    last = next((each for each in found if each.status == "canceled"), None)
    owing = _owing(live[0] if live else last)
    since = min((bill.since for bill in bills if owing and bill.subscription == owing.id), default=None)
    if not live:
        status = "past_due" if since else "canceled" if last else "none"
        return Verdict(None, None, status, since)
    present = live[0]
    if owing is not None:
        return Verdict(present.id, present.plan, "past_due", since or present.period_start or present.created)
    if present.status == "paused":
        return Verdict(present.id, None, "none", None)
    return Verdict(present.id, present.plan, present.status, None)


def _owing(present: Had | None) -> Had | None:
    if present is None or present.status in OWING or present.payment_failed:
        return present
    return None
