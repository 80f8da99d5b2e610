"""A thousand orders of one life, with duplicates and crashes, end in one state."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from tests.control.billing.life import Life, lived
from zpack.control.billing.mirror import Mirror
from zpack.control.billing.poller import Inbox
from zpack.control.db.tables import BillingEvent, User
from zpack.control.wiring.billing import billing_settings

if TYPE_CHECKING:
    from tests.control.billing.conftest import Clock, Platform
    from zpack.control.db.session import Database
    from zpack.control.outside.stripe_facts import CustomerFacts, Invoice, Notice
    from zpack.control.settings import Settings

ORDERS, AT_ONCE = 1000, 20
STATE = text(
    """
    select u.id, st.plan, st.billing_status, st.server_billing_state, st.suspended_at, st.reason,
           s.status, s.plan as had, s.price_id, s.period_end, s.cancel_at_period_end, s.cancel_at,
           s.pending_update, s.schedule_id, s.next_plan, s.next_at,
           a.past_due_since, a.warning_sent_at, a.final_warning_sent_at, a.backup_blocked_at, a.suspended_at,
           a.retention_until, a.last_billing_event_at, a.last_enforcement_action, a.checkout_id,
           (select count(*) from billing_events e where e.customer_id = a.customer_id
             and e.outcome is null) as left
      from users u join billing_accounts a on a.user_id = u.id join standings st on st.user_id = u.id
      left join billing_subscriptions s on s.user_id = u.id
     where u.id like 'order-%' order by u.id
    """
)


class Crash(BaseException):
    """The process ends here."""


@dataclass
class Fault:
    """Ends the process between store and act, or amid the act, in one of so many cases."""

    random: random.Random
    rarity: float

    def reached(self, *_: str) -> None:
        if self.random.random() < self.rarity:
            raise Crash


class Recorded:
    """Stripe as it was, and is: what is fetched is never older than what was delivered."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._facts: dict[str, list[CustomerFacts]] = {}
        self.reached: dict[str, int] = {}

    def add(self, number: int, moments: list[CustomerFacts]) -> None:
        self._facts[f"cus-{number}"] = moments
        self.reached[f"cus-{number}"] = 0

    async def facts(self, customer: str) -> CustomerFacts:
        return self._facts[customer][self.reached[customer]]

    async def invoice(self, ident: str) -> Invoice:
        return self._life.moments[-1].open_invoices[0]


class Replay:
    """Delivers the same life to many customers, to each in an order of its own."""

    def __init__(
        self, life: Life, database: Database, inbox: Inbox, stripe: Recorded, dice: random.Random
    ) -> None:
        self.life, self.database, self.inbox, self.stripe, self.dice = life, database, inbox, stripe, dice

    def orders(self, numbers: range, *, frozen: bool) -> list[list[list[tuple[int, Notice]]]]:
        """Return for each customer the batches in which the events come."""
        found = []
        for number in numbers:
            notices, moments = self.life.of(number)
            self.stripe.add(number, moments)
            if frozen:
                self.stripe.reached[f"cus-{number}"] = len(moments) - 1
            events = list(enumerate(notices))
            events += self.dice.choices(events, k=len(events) // 4)
            self.dice.shuffle(events)
            cuts = sorted(self.dice.choices(range(len(events)), k=self.dice.choice((0, 1, 1, 2))))
            found.append([events[a:b] for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)])
        return found

    async def deliver(self, orders: list[list[list[tuple[int, Notice]]]]) -> None:
        """Store batch after batch, and act on them, through crashes."""
        for turn in range(max(len(batches) for batches in orders)):
            due = [event for batches in orders if turn < len(batches) for event in batches[turn]]
            for place, notice in due:
                assert notice.customer is not None
                reached = self.stripe.reached
                reached[notice.customer] = max(reached[notice.customer], place)
            if due:
                async with self.database.transaction() as session:
                    kept = insert(BillingEvent).on_conflict_do_nothing()
                    await session.execute(kept, [_row(notice) for _, notice in due])
            await self._act()

    async def _act(self) -> None:
        while True:
            try:
                if not await self.inbox.tick():
                    return
            except (Crash, BaseExceptionGroup):
                async with self.database.transaction() as session:  # the dead worker's lease runs out
                    await session.execute(
                        text("update billing_events set due_at = now() where outcome is null")
                    )

    async def states(self) -> dict[str, tuple[Any, ...]]:
        async with self.database.transaction() as session:
            return {row.id: tuple(row)[1:] for row in await session.execute(STATE)}


def _row(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "type": notice.type,
        "object_kind": notice.object_kind,
        "object_id": notice.object_id,
        "customer_id": notice.customer,
        "user_id": f"order-{notice.customer}",
        "happened_at": notice.created,
    }


async def people(database: Database, amount: int) -> None:
    rows = [
        {"id": f"order-cus-{n}", "email": f"{n}@example.org", "username": f"u{n}", "password_hash": "-"}
        for n in range(amount)
    ]
    async with database.transaction() as session:
        await session.execute(insert(User), rows)


@pytest.mark.seed("S87")
async def test_a_life_in_a_thousand_orders_ends_in_one_state(
    ann_buys: Platform, database: Database, settings: Settings, clock: Clock
) -> None:
    life = await lived(ann_buys)
    dice = random.Random(20261126)
    stripe = Recorded(life)
    mirror: Any = Mirror(
        database=database,
        stripe=stripe,
        settings=billing_settings(settings),
        clock=lambda: NOW,
    )
    inbox = Inbox(
        database=database,
        stripe=stripe,
        mirror=mirror,
        most=4000,
        fault=Fault(dice, 0.01),
    )
    await people(database, ORDERS)
    replay = Replay(life, database, inbox, stripe, dice)
    for first in range(0, ORDERS, AT_ONCE):
        orders = replay.orders(range(first, first + AT_ONCE), frozen=first < ORDERS // 2)
        await replay.deliver(orders)
    states = await replay.states()
    assert len(states) == ORDERS
    assert len(set(states.values())) == 1, set(states.values())
    assert next(iter(states.values()))[:3] == ("free", "canceled", "allowed")


NOW = datetime(2027, 1, 1, tzinfo=UTC)
