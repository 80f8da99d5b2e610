"""What billing does by itself: the ladder of non-payment, reminders, and a comparison with Stripe.

Nobody climbs on our own word: before each step Stripe is asked, so a lost webhook suspends nobody who paid.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from zpack.control.billing import store
from zpack.control.billing.models import REMINDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.billing.ladder import Days
    from zpack.control.billing.mirror import Mirror
    from zpack.control.db.session import Database
    from zpack.control.db.tables import BillingSubscription
    from zpack.control.outside.stripe import Stripe
    from zpack.control.outside.stripe_facts import Subscription

log = logging.getLogger("zpack.billing")
KEPT = timedelta(days=60)
"""Stripe itself keeps events for 30 days."""
MISSED = timedelta(days=3)
"""For so long Stripe tries to deliver; what it gave up is asked for within as long."""


def _now() -> datetime:
    return datetime.now(UTC)


class Scheduler:
    """Runs on one worker alone."""

    def __init__(
        self,
        *,
        database: Database,
        stripe: Stripe,
        mirror: Mirror,
        days: Days,
        alone: Callable[[], bool],
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._database = database
        self._stripe = stripe
        self._mirror = mirror
        self._days = days
        self._alone = alone
        self._clock = clock

    async def tick(self) -> None:
        """Look at whoever is due: the next rung of the ladder, the end of a trial. Raises ForeignError."""
        if not self._alone():
            return
        async with self._database.reading() as session:
            owing = await store.climbing(session)
            trials = await store.trials_ending(session, self._clock(), REMINDER)
        for account in owing:
            due = store.ladder_of(account).next_due(self._days)
            if account.customer_id is not None and due is not None and due <= self._clock():
                await self._mirror.sync(account.customer_id)
        for customer in trials:
            await self._mirror.sync(customer)

    async def reconcile(self) -> None:
        """Compare every subscription with its mirror; fetch the events that got lost. Raises ForeignError."""
        if not self._alone():
            return
        async for notice in self._stripe.undelivered(self._clock() - MISSED):
            async with self._database.transaction() as session:
                await store.keep(session, notice)
        async with self._database.reading() as session:
            known = await store.mirrored(session)
        different: dict[str, str] = {}
        seen: set[str] = set()
        async for found in self._stripe.every_subscription():
            seen.add(found.id)
            if not _same(known.get(found.id), found):
                different[found.customer] = found.id
        async with self._database.reading() as session:
            gone = await store.customers_of(session, set(known) - seen)
        for customer in {*different, *gone}:
            log.info("customer %s is not as Stripe says; looking", customer)
            await self._mirror.sync(customer)
        async with self._database.transaction() as session:
            await store.forget(session, KEPT)


def _same(known: BillingSubscription | None, found: Subscription) -> bool:
    return known is not None and (
        known.status,
        known.price_id,
        known.period_end,
        known.cancel_at_period_end,
        known.pending_update,
        known.schedule_id,
    ) == (
        found.status,
        found.price,
        found.period_end,
        found.cancel_at_period_end,
        found.pending_update,
        found.schedule,
    )
