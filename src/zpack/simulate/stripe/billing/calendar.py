"""Periods: a subscription renews on the day of the month that it began on, or on that month's last day."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zpack.simulate.stripe.store import Body

DAY = 86_400
HOUR = 3_600
SECONDS = {"day": DAY, "week": 7 * DAY}
MONTHS = {"month": 1, "year": 12}


def after(anchor: int, recurring: Body, periods: int = 1) -> int:
    """Return the end of the n-th period that follows an anchor."""
    count = recurring["interval_count"] * periods
    if recurring["interval"] in SECONDS:
        return anchor + SECONDS[recurring["interval"]] * count
    begun = datetime.fromtimestamp(anchor, UTC)
    months = begun.year * 12 + begun.month - 1 + MONTHS[recurring["interval"]] * count
    year, month = divmod(months, 12)
    day = min(begun.day, calendar.monthrange(year, month + 1)[1])
    return int(begun.replace(year=year, month=month + 1, day=day).timestamp())


def next_end(anchor: int, recurring: Body, start: int) -> int:
    """Return the first period end behind ``start``, counted from the anchor so that days do not drift."""
    periods = 1
    while after(anchor, recurring, periods) <= start:
        periods += 1
    return after(anchor, recurring, periods)


def word(moment: int) -> str:
    """Return a day as Stripe's descriptions name it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%d %b %Y")
