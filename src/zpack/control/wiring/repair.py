"""Constructs the repair: the drift report, what mends, and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.faults import FaultPoint
from zpack.control.engine.periodic import Periodic
from zpack.control.repair.actions import Repair
from zpack.control.repair.adoption import Adoption
from zpack.control.repair.look import Look
from zpack.control.repair.plans import RepairPlans
from zpack.control.repair.poller import Notices
from zpack.control.repair.reconciler import RepairReconciler
from zpack.control.wiring.clients import build_stores
from zpack.control.wiring.edge import build_link_reconcilers, build_places
from zpack.control.wiring.provisioning import build_create

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.operations.actions import Operations
    from zpack.control.power.actions import Power
    from zpack.control.provisioning.settings import ProvisioningSettings
    from zpack.control.publishing.actions import Publishing
    from zpack.control.publishing.reconciler import LinkReconciler
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients

NOTICE_SECONDS = 10.0


def build_look(clients: Clients, links: tuple[LinkReconciler, ...] = ()) -> Look:
    """Construct who looks; at the edge only through the links given."""
    stores = build_stores(clients)
    return Look(
        database=clients.database,
        proxmox=clients.proxmox,
        links=links,
        words=stores.words,
        running=stores.running,
    )


def build_plans(
    settings: Settings,
    clients: Clients,
    group: ProvisioningSettings,
    *,
    operations: Operations,
    power: Power,
    entitlements: Entitlements,
    publishing: Publishing,
) -> RepairPlans:
    """Construct what plans repairs."""
    stores = build_stores(clients)
    links = build_link_reconcilers(settings, clients, stores, publishing=publishing, alone=lambda: True)
    return RepairPlans(
        database=clients.database,
        proxmox=clients.proxmox,
        look=build_look(clients, links),
        links=links,
        places=build_places(settings),
        operations=operations,
        running=stores.running,
        power=power,
        create=build_create(settings, clients, group, entitlements=entitlements, publishing=publishing),
        delete_budget=group.delete_budget,
        fault=FaultPoint.from_environment(),
    )


def build_repair(settings: Settings, clients: Clients, plans: RepairPlans, publishing: Publishing) -> Repair:
    """Construct the administrators' room."""
    adoption = Adoption(
        database=clients.database,
        proxmox=clients.proxmox,
        agents=clients.agents,
        publishing=publishing,
        links=clients.links,
        places=build_places(settings),
    )
    return Repair(database=clients.database, plans=plans, adoption=adoption)


def build_reconciler(
    settings: Settings, clients: Clients, plans: RepairPlans, alone: Callable[[], bool]
) -> RepairReconciler:
    """Construct what looks and mends by itself."""
    return RepairReconciler(
        database=clients.database,
        look=plans.look,
        plans=plans,
        level=settings.repair_level,
        dry_run=settings.repair_dry_run,
        per_minute=settings.repair_per_minute,
        alone=alone,
    )


def build_repair_work(
    settings: Settings, clients: Clients, plans: RepairPlans, alone: Callable[[], bool]
) -> tuple[Periodic, ...]:
    """Construct what one worker does for repair."""
    reconciler = build_reconciler(settings, clients, plans, alone)
    notices = Notices(database=clients.database, discord=clients.discord, alone=alone)
    every = settings.repair_seconds
    return (
        Periodic(name="repair", every=every, tick=reconciler.tick, cap=max(every, 300.0)),
        Periodic(name="repair-notices", every=NOTICE_SECONDS, tick=notices.tick, cap=300.0),
    )
