"""What can be bought, and what an account has: read from our own tables, so that looking costs no call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.control.billing import store
from zpack.control.billing.models import LIVE
from zpack.control.billing.refusals import PlanMissing
from zpack.control.entitlements import store as entitlement_rows
from zpack.control.entitlements.fits import misfits
from zpack.control.entitlements.models import Limits

if TYPE_CHECKING:
    from datetime import datetime

    from zpack.control.accounts.models import User
    from zpack.control.billing.settings import BillingSettings
    from zpack.control.db.session import Database
    from zpack.control.db.tables import BillingAccount, BillingSubscription, Plan
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.entitlements.models import Entitlement


@dataclass(frozen=True)
class Offer:
    """A plan with what it costs."""

    plan: str
    name: str
    price: str
    cents: int
    currency: str
    interval: str
    limits: Limits


class Offers:
    """Plans, and how an account stands to them."""

    def __init__(self, *, database: Database, entitlements: Entitlements, settings: BillingSettings) -> None:
        self._database = database
        self._entitlements = entitlements
        self._settings = settings

    async def plans(self) -> list[dict[str, Any]]:
        """Return the plans that are offered."""
        async with self._database.reading() as session:
            rows = await entitlement_rows.list_plans(session)
        return [self._plan(row) for row in rows]

    async def find(self, plan: str, *, free: bool = False) -> Offer:
        """Return a plan that is sold, or that is ``free``. Raises PlanMissing."""
        async with self._database.reading() as session:
            row = await entitlement_rows.find_plan(session, plan)
        price = None if row is None else self._settings.price_of(row.id, row.stripe_price_id)
        if row is None or not row.active or (price is None and not free):
            raise PlanMissing(f"There is no plan {plan!r} for sale.")
        return _offer(row, price or "")

    async def of_price(self, price: str | None) -> Offer | None:
        """Return the plan that a price of Stripe's buys."""
        async with self._database.reading() as session:
            rows = await entitlement_rows.list_plans(session, all_of_them=True)
        for row in rows:
            if price is not None and self._settings.price_of(row.id, row.stripe_price_id) == price:
                return _offer(row, price)
        return None

    async def misfits(self, user: User, offer: Offer) -> list[dict[str, Any]]:
        """Return what of an account's servers does not fit a plan."""
        return [each.wire() for each in misfits(offer.limits, await self._entitlements.usage(user))]

    async def current(self, user: User) -> dict[str, Any]:
        """Return what an account has, pays and may (row S86)."""
        entitled, usage = await self._entitlements.of(user), await self._entitlements.usage(user)
        async with self._database.transaction() as session:
            plan = await entitlement_rows.find_plan(session, entitled.plan) if entitled.plan else None
            account = await store.find_account(session, user.id)
            had = await store.list_subscriptions(session, user.id)
        present = next((row for row in had if row.status in LIVE), None)
        return {
            "enabled": self._settings.enabled,
            "plan": self._plan(plan) if plan else None,
            "status": "exempt" if user.is_admin or (account and account.exempt) else entitled.billing_status,
            "serverBillingState": entitled.server_state,
            **_subscription(present),
            "limits": entitled.limits.wire(),
            "usage": usage.wire(),
            "portalAvailable": self._settings.enabled and bool(account and account.customer_id),
            **_ladder(account, entitled),
        }

    def _plan(self, row: Plan) -> dict[str, Any]:
        return {
            "id": row.id,
            "name": row.name,
            "description": row.description,
            "priceCents": row.price_cents,
            "currency": row.currency,
            "interval": row.interval,
            "limits": Limits.of(row.limits).wire(),
            "forSale": self._settings.enabled
            and self._settings.price_of(row.id, row.stripe_price_id) is not None,
        }


def _offer(row: Plan, price: str) -> Offer:
    return Offer(row.id, row.name, price, row.price_cents, row.currency, row.interval, Limits.of(row.limits))


def _subscription(row: BillingSubscription | None) -> dict[str, Any]:
    if row is None:
        return dict.fromkeys(("periodEnd", "trialEnd", "pendingChange")) | {
            "cancelAtPeriodEnd": False,
            "paymentPending": False,
        }
    change = {"plan": row.next_plan, "at": _iso(row.next_at)} if row.next_at else None
    return {
        "periodEnd": _iso(row.period_end),
        "trialEnd": _iso(row.trial_end),
        "cancelAtPeriodEnd": row.cancel_at_period_end,
        "paymentPending": row.pending_update,
        "pendingChange": change,
    }


def _ladder(account: BillingAccount | None, entitled: Entitlement) -> dict[str, Any]:
    named = {
        "pastDueSince": "past_due_since",
        "warningSentAt": "warning_sent_at",
        "finalWarningSentAt": "final_warning_sent_at",
        "backupBlockedAt": "backup_blocked_at",
        "suspendedAt": "suspended_at",
        "retentionUntil": "retention_until",
        "lastBillingEventAt": "last_billing_event_at",
    }
    found: dict[str, Any] = {wire: _iso(getattr(account, name, None)) for wire, name in named.items()}
    found["suspendedAt"] = found["suspendedAt"] or (_iso(entitled.since) if entitled.suspended else None)
    return found | {"lastEnforcementAction": account.last_enforcement_action if account else None}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
