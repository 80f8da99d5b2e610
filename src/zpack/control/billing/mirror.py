"""Writes down what Stripe says of a customer, and what follows from it.

Events are hints (docs/decisions/0014-events-are-hints.md): whatever happened, everything about the customer
is fetched and replaces what we knew. No network call is made inside the transaction, so two fetches may
overtake one another; each therefore remembers the account's ``version`` as it was before it asked, and is
thrown away when another has been written since: what it brings may be older. The outcome depends on Stripe's
last word only, in whatever order and however often the hints came.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zpack.control.accounts import store as accounts
from zpack.control.audit.store import record
from zpack.control.billing import store
from zpack.control.billing.ladder import MAILS, Ladder, step
from zpack.control.billing.models import LIVE, REMINDER, Had, Owed, judge
from zpack.control.engine.errors import ForeignError
from zpack.control.entitlements import store as entitlements
from zpack.control.mail.store import queue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from zpack.control.billing.ladder import Action
    from zpack.control.billing.models import Verdict
    from zpack.control.billing.settings import BillingSettings
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.db.tables import BillingAccount
    from zpack.control.db.tables import User as UserRow
    from zpack.control.outside.stripe import Stripe
    from zpack.control.outside.stripe_facts import CustomerFacts, Subscription

    Within = Callable[[AsyncSession, str], Awaitable[None]]

log = logging.getLogger("zpack.billing")
TRIES = 5


def _now() -> datetime:
    return datetime.now(UTC)


class Mirror:
    """The mirror of Stripe's facts; ``clock`` is the time that the ladder is climbed by."""

    def __init__(
        self,
        *,
        database: Database,
        stripe: Stripe,
        settings: BillingSettings,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._database = database
        self._stripe = stripe
        self._settings = settings
        self._clock = clock

    async def sync(self, customer: str, *, user_id: str | None = None, within: Within | None = None) -> bool:
        """Write what Stripe says now; return False when the customer is nobody's.

        ``within`` does more in the same transaction, and is told the user. Raises ForeignError.
        """
        for _ in range(TRIES):
            async with self._database.transaction() as session:
                account = await store.find_by_customer(session, customer)
                version = account.version if account else 0
            facts = await self._stripe.facts(customer)
            owner = account.user_id if account else user_id or facts.user_id
            if owner is None or (account is None and facts.deleted):
                return False
            async with self._database.transaction() as session:
                await store.lock(session, customer)
                user = await accounts.find_by_id(session, owner)
                if user is None:
                    return False
                account = await store.ensure_account(session, owner)
                if not await store.bind(session, account, customer):
                    return False
                if account.version != version:
                    continue
                await self._write(session, account, user, facts)
                if within is not None:
                    await within(session, owner)
                return True
        raise ForeignError(f"{customer} changes faster than it can be read", transient=True)

    async def _write(
        self, session: AsyncSession, account: BillingAccount, user: UserRow, facts: CustomerFacts
    ) -> None:
        plans = await self._plans(session)
        await store.write_subscriptions(
            session, account.user_id, [_row(each, plans) for each in facts.subscriptions]
        )
        verdict = _verdict(facts, plans)
        account.version += 1
        account.synced_at = self._clock()
        if facts.deleted:
            account.customer_id = None
        await self._stand(session, account, user, verdict)
        portal = f"{self._settings.portal_url}/billing"
        await _remind(session, user, facts, now=self._clock(), portal=portal)
        _look_for_doubles(session, account, facts)

    async def _stand(
        self, session: AsyncSession, account: BillingAccount, user: UserRow, verdict: Verdict
    ) -> None:
        before, exempt = store.ladder_of(account), account.exempt or user.role == "admin"
        owed = None if exempt else verdict.owed_since
        after, action = step(before, owed_since=owed, now=self._clock(), days=self._settings.days)
        store.write_ladder(account, after)
        if action is not None:
            await self._act(session, account, user, before if action == "recovered" else after, action)
        status, state = after.standing if owed is not None else (verdict.status, "allowed")
        unknown = verdict.current is not None and verdict.plan is None and verdict.status != "none"
        change = await entitlements.grant(
            session,
            account.user_id,
            plan=None if unknown else verdict.plan or self._settings.default_plan,
            billing_status="exempt" if exempt else status,  # pyright: ignore[reportArgumentType] - judged
            server_state=state,  # pyright: ignore[reportArgumentType] - likewise
            reason="a payment is overdue" if owed is not None else "",
        )
        if change.changed:
            record(
                session,
                "billing.standing",
                actor=None,
                user=account.user_id,
                plan=change.after.plan,
                status=change.after.billing_status,
                servers=change.after.server_state,
            )

    async def _act(
        self, session: AsyncSession, account: BillingAccount, user: UserRow, ladder: Ladder, action: Action
    ) -> None:
        """Write down a step of the ladder, and tell the customer in the same transaction."""
        account.last_enforcement_action = None if action == "recovered" else action
        kept = ladder.at("retained")
        account.retention_until = kept + (self._settings.days.of("retained")) if kept else None
        if action == "recovered":
            account.retention_until = None
        record(session, f"billing.{action}", actor=None, user=account.user_id)
        template = MAILS.get(action)
        unwarned = action == "recovered" and ladder.rung is None
        if template is None or unwarned or ladder.past_due_since is None:
            return
        incident = f"{account.user_id}:{ladder.past_due_since:%Y%m%dT%H%M%S}"
        suspension = ladder.at("suspended") or ladder.due("suspended", self._settings.days)
        await queue(
            session,
            template,
            to=user.email,
            user_id=user.id,
            key=f"{template}:{incident}",
            since=f"{ladder.past_due_since:%Y-%m-%d}",
            suspension=f"{suspension:%Y-%m-%d}",
            portal=f"{self._settings.portal_url}/billing",
        )

    async def _plans(self, session: AsyncSession) -> Mapping[str, str]:
        rows = await entitlements.list_plans(session, all_of_them=True)
        return self._settings.plans_by_price({row.id: row.stripe_price_id for row in rows})


def _row(found: Subscription, plans: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": found.id,
        "status": found.status,
        "price_id": found.price,
        "plan": plans.get(found.price or ""),
        "item_id": found.item,
        "created_at": found.created,
        "period_end": found.period_end,
        "cancel_at_period_end": found.cancel_at_period_end,
        "cancel_at": found.cancel_at,
        "trial_end": found.trial_end,
        "pending_update": found.pending_update,
        "schedule_id": found.schedule,
        "next_plan": plans.get(found.next_price or ""),
        "next_at": found.next_at,
    }


def _verdict(facts: CustomerFacts, plans: Mapping[str, str]) -> Verdict:
    had = [
        Had(s.id, s.status, plans.get(s.price or ""), s.created, s.period_start, s.payment_failed)
        for s in facts.subscriptions
    ]
    bills = [
        Owed(bill.subscription, bill.finalized_at)
        for bill in facts.open_invoices
        if bill.attempted and bill.amount_remaining > 0
    ]
    return judge(had, bills)


async def _remind(
    session: AsyncSession, user: UserRow, facts: CustomerFacts, *, now: datetime, portal: str
) -> None:
    """Tell the owner of a trial once that it ends soon."""
    for found in facts.subscriptions:
        if found.status != "trialing" or found.trial_end is None or found.trial_end - now > REMINDER:
            continue
        await queue(
            session,
            "trial_ending",
            to=user.email,
            user_id=user.id,
            key=f"trial_ending:{found.id}:{found.trial_end:%Y%m%d}",
            when=f"{found.trial_end:%Y-%m-%d}",
            portal=portal,
        )


def _look_for_doubles(session: AsyncSession, account: BillingAccount, facts: CustomerFacts) -> None:
    live = [found.id for found in facts.subscriptions if found.status in LIVE]
    if len(live) > 1:
        log.error("user %s has %d live subscriptions", account.user_id, len(live))
        record(session, "billing.alert", actor=None, user=account.user_id, about="double", subscriptions=live)
