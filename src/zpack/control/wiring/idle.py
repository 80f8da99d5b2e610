"""Constructs what stops unused servers and wakes them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from zpack.control.engine.limits import Rate, RateLimit
from zpack.control.idle.actions import ADDRESS, HOUR, Idle
from zpack.control.idle.reconciler import IdleReconciler
from zpack.control.wiring.clients import build_stores

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.instances.actions import Instances
    from zpack.control.power.actions import Power
    from zpack.control.publishing.actions import Publishing
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients


def build_idle(
    settings: Settings, clients: Clients, *, entitlements: Entitlements, instances: Instances, power: Power
) -> Idle:
    """Construct the room."""
    rates = {"wake_address": ADDRESS, "wake_server": Rate(settings.idle_wakes_per_hour, HOUR)}
    return Idle(
        database=clients.database,
        entitlements=entitlements,
        instances=instances,
        power=power,
        limit=RateLimit(redis=clients.redis, rates=rates),
        changes=build_stores(clients).changes,
        billing=settings.billing_on,
        least_minutes=settings.idle_least_minutes,
        domain=settings.game_domain,
    )


def idle_reconciler(
    settings: Settings, clients: Clients, *, power: Power, publishing: Publishing, alone: Callable[[], bool]
) -> IdleReconciler:
    """Construct what looks at who uses what."""
    stores = build_stores(clients)
    return IdleReconciler(
        database=clients.database,
        power=power,
        publishing=publishing,
        agents=clients.agents,
        words=stores.words,
        hosts=stores.hosts,
        activities=stores.activities,
        changes=stores.changes,
        alone=alone,
        billing=settings.billing_on,
        default_plan=settings.plan_by_default,
        grace=timedelta(seconds=settings.idle_grace_seconds),
    )
