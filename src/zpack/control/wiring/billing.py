"""Constructs billing: Stripe's client, the room, and what a worker does for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.billing.actions import Billing
from zpack.control.billing.ladder import Days
from zpack.control.billing.ledger import Ledger
from zpack.control.billing.mirror import Mirror
from zpack.control.billing.poller import Inbox
from zpack.control.billing.reconciler import Scheduler
from zpack.control.billing.settings import BillingSettings
from zpack.control.billing.webhook import Webhook
from zpack.control.engine.faults import FaultPoint
from zpack.control.engine.periodic import Periodic

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.engine.shards import Shards
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients

INBOX_SECONDS = 1.0
LADDER_SECONDS = 30.0
RECONCILE_SECONDS = 900.0
LOCAL_PORTAL = "http://localhost:3000"


def billing_settings(settings: Settings) -> BillingSettings:
    """Return billing's own group."""
    portal = (settings.portal_url or LOCAL_PORTAL).rstrip("/")
    prices = {
        "starter": settings.stripe_price_starter,
        "pro": settings.stripe_price_pro,
        "performance": settings.stripe_price_performance,
    }
    return BillingSettings(
        enabled=settings.billing_on,
        default_plan=settings.plan_by_default,
        success_url=settings.billing_success_url or f"{portal}/billing?paid=1",
        cancel_url=settings.billing_cancel_url or f"{portal}/billing",
        portal_url=portal,
        prices={plan: price for plan, price in prices.items() if price},
        days=Days(
            warning=settings.billing_warning_days,
            final_warning=settings.billing_final_warning_days,
            backup_blocked=settings.billing_backup_block_days,
            suspended=settings.billing_suspend_days,
            retained=settings.billing_retain_days,
        ),
    )


def build_mirror(settings: Settings, clients: Clients) -> Mirror:
    """Construct the mirror of Stripe's facts."""
    return Mirror(database=clients.database, stripe=clients.stripe, settings=billing_settings(settings))


def build_billing(settings: Settings, clients: Clients, entitlements: Entitlements) -> Billing:
    """Construct the billing room."""
    return Billing(
        database=clients.database,
        stripe=clients.stripe,
        mirror=build_mirror(settings, clients),
        entitlements=entitlements,
        settings=billing_settings(settings),
    )


def build_webhook(settings: Settings, clients: Clients, hint: Callable[[], None]) -> Webhook:
    """Construct the door for Stripe's events."""
    return Webhook(database=clients.database, stripe=clients.stripe, enabled=settings.billing_on, hint=hint)


def build_ledger(settings: Settings, clients: Clients) -> Ledger:
    """Construct what operators look at."""
    return Ledger(database=clients.database, default_plan=settings.plan_by_default)


def build_billing_work(settings: Settings, clients: Clients, shards: Shards) -> tuple[Periodic, ...]:
    """Construct what a worker does for billing; the first acts on events. Nothing while billing is off."""
    if not settings.billing_on:
        return ()
    mirror = build_mirror(settings, clients)
    inbox = Inbox(
        database=clients.database,
        stripe=clients.stripe,
        mirror=mirror,
        fault=FaultPoint.from_environment(),
    )
    scheduler = Scheduler(
        database=clients.database,
        stripe=clients.stripe,
        mirror=mirror,
        days=billing_settings(settings).days,
        alone=shards.alone,
    )
    return (
        Periodic(name="billing-inbox", every=INBOX_SECONDS, tick=inbox.tick, cap=30.0),
        Periodic(name="billing-ladder", every=LADDER_SECONDS, tick=scheduler.tick, cap=300.0),
        Periodic(name="billing-reconcile", every=RECONCILE_SECONDS, tick=scheduler.reconcile),
    )
