"""Acts on what Stripe told: takes stored events, fetches whom they are about, and ends them with the effect.

Events of one customer that were taken together need one look: they only say where to look. They end in the
transaction that writes what was seen, so a worker that dies in between looks again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from zpack.control.accounts import store as accounts
from zpack.control.audit.store import record
from zpack.control.billing import store
from zpack.control.engine.faults import FaultPoint
from zpack.control.mail.store import queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zpack.control.billing.mirror import Mirror
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.db.tables import BillingEvent
    from zpack.control.outside.stripe import Stripe
    from zpack.control.outside.stripe_facts import Invoice

log = logging.getLogger("zpack.billing")
MOST = 50
ABREAST = 4
LEASE = timedelta(seconds=120)
LONGEST_PAUSE = 3600.0
LOOKED_AT = ("checkout.session.", "customer.", "invoice.", "subscription_schedule.")
ALERTS = frozenset({"invoice.finalization_failed", "charge.dispute.created", "charge.refunded"})
"""Somebody has to look at these; nobody is suspended for them."""
ACTION_REQUIRED = "invoice.payment_action_required"


class Inbox:
    """Stripe's events that were stored and not acted on yet."""

    def __init__(
        self,
        *,
        database: Database,
        stripe: Stripe,
        mirror: Mirror,
        most: int = MOST,
        fault: FaultPoint | None = None,
    ) -> None:
        self._database = database
        self._stripe = stripe
        self._mirror = mirror
        self._most = most
        self._fault = fault or FaultPoint()

    async def tick(self) -> int:
        """Act on what is due; return how many events that were."""
        async with self._database.transaction() as session:
            taken = await store.claim(session, most=self._most, lease=LEASE)
        self._fault.reached("billing-event", "act", "before")
        several = asyncio.Semaphore(ABREAST)
        async with asyncio.TaskGroup() as group:
            for events in _by_customer(taken):
                group.create_task(self._try(events, several))
        return len(taken)

    async def _try(self, events: Sequence[BillingEvent], several: asyncio.Semaphore) -> None:
        names = [event.id for event in events]
        try:
            async with several:
                await self._act(events)
        except Exception as failure:  # noqa: BLE001 - one bad event must not stop the others
            complaint = f"{type(failure).__name__}: {failure}"
            log.warning("event %s (%s) was not acted on: %s", names[0], events[0].type, complaint[:300])
            async with self._database.transaction() as session:
                await store.put_off(session, names, complaint, LONGEST_PAUSE)

    async def _act(self, events: Sequence[BillingEvent]) -> None:
        first = events[0]
        wanted = [event for event in events if event.type.startswith(LOOKED_AT) or event.type in ALERTS]
        customer = first.customer_id
        if customer is None and wanted:
            customer = await self._stripe.customer_of(first.object_kind, first.object_id)
        if customer is None or not wanted:
            return await self._end(events, "ignored")
        urgent = [await self._stripe.invoice(e.object_id) for e in wanted if e.type == ACTION_REQUIRED]

        async def within(session: AsyncSession, user_id: str) -> None:
            await _tell(session, user_id, wanted, urgent)
            await store.end_events(session, [event.id for event in wanted], "handled")
            await store.end_events(session, [e.id for e in events if e not in wanted], "ignored")
            self._fault.reached("billing-event", "act", "inside")

        owner = next((event.user_id for event in wanted if event.user_id), None)
        if not await self._mirror.sync(customer, user_id=owner, within=within):
            await self._end(events, "unmatched")
        return None

    async def _end(self, events: Sequence[BillingEvent], outcome: str) -> None:
        async with self._database.transaction() as session:
            await store.end_events(session, [event.id for event in events], outcome)


async def _tell(
    session: AsyncSession, user_id: str, events: Sequence[BillingEvent], urgent: Sequence[Invoice]
) -> None:
    """Write down what the events themselves say, beside what Stripe's facts do."""
    account, user = await store.ensure_account(session, user_id), await accounts.find_by_id(session, user_id)
    account.last_billing_event_at = max(
        [event.happened_at for event in events] + [account.last_billing_event_at or events[0].happened_at]
    )
    for event in events:
        if event.object_id == account.checkout_id and event.type.startswith("checkout.session."):
            account.checkout_id = None
        if event.type in ALERTS:
            log.error("Stripe tells of %s for user %s: %s", event.type, user_id, event.object_id)
            record(
                session, "billing.alert", actor=None, user=user_id, about=event.type, object=event.object_id
            )
    for bill in urgent:
        if user is not None and bill.status == "open" and bill.url is not None:
            await queue(
                session,
                "payment_action_required",
                to=user.email,
                user_id=user_id,
                key=f"payment_action_required:{bill.id}",
                link=bill.url,
            )


def _by_customer(events: Sequence[BillingEvent]) -> list[list[BillingEvent]]:
    groups: defaultdict[str, list[BillingEvent]] = defaultdict(list)
    for event in sorted(events, key=lambda each: each.received_at):
        groups[event.customer_id or event.id].append(event)
    return list(groups.values())
