"""Constructs what a worker runs: workflows, pollers, reconcilers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.control.accounts.reconciler import EndedSessions
from zpack.control.db.leases import LeaseRows, ShardRows
from zpack.control.engine.faults import FaultPoint
from zpack.control.engine.leases import Leases
from zpack.control.engine.periodic import Periodic
from zpack.control.engine.shards import RENEW_SECONDS, Shards
from zpack.control.engine.workflow import Workflows
from zpack.control.heartbeat.poller import Heartbeat
from zpack.control.hosts.poller import ClusterWatch
from zpack.control.operations.actions import OperationJournal, Operations
from zpack.control.operations.poller import Dispatcher
from zpack.control.power.reconciler import HostOperationKeys
from zpack.control.power.steps import PowerSteps
from zpack.control.power.workflow import host_workflows
from zpack.control.provisioning.removal import DeleteSteps
from zpack.control.provisioning.workflow import delete_workflow
from zpack.control.suspension.reconciler import SuspensionReconciler
from zpack.control.wiring.billing import build_billing_work
from zpack.control.wiring.clients import Clients, build_stores
from zpack.control.wiring.edge import build_link_reconcilers, link_periodics
from zpack.control.wiring.idle import idle_reconciler
from zpack.control.wiring.mail import build_mail
from zpack.control.wiring.monitoring import player_counts
from zpack.control.wiring.provisioning import build_create
from zpack.control.wiring.recovery import build_reset_requests
from zpack.control.wiring.repair import build_repair_work
from zpack.control.wiring.rooms import (
    build_entitlements,
    build_power,
    build_publishing,
    build_repair_plans,
    provisioning_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.settings import Settings

LOOK_SECONDS = 2.0
"""Seconds between two looks at the whole cluster."""


KEYS_SECONDS = 5.0
SESSIONS_SECONDS = 600.0
PLAYERS_SECONDS = 30.0
"""Twice a minute, so that none is left out."""
SUSPENSION_SECONDS = 2.0


@dataclass(frozen=True)
class Work:
    """What a worker runs."""

    workflows: Workflows
    shards: Shards
    heartbeat: Heartbeat
    periodics: tuple[Periodic, ...]
    billing: tuple[Periodic, ...]
    """The first acts on Stripe's events; none when billing is off."""
    dispatch: Periodic


def build_work(settings: Settings, clients: Clients, *, embedded: bool) -> Work:
    """Construct the workflows and the pollers of a worker."""
    default = "embedded" if embedded else f"worker-{secrets.token_hex(6)}"
    name = settings.executor_id or default
    workflows = build_workflows(settings, clients, executor_id=name)
    shards = Shards(database=clients.database, rows=ShardRows(), worker=name)
    dispatcher = Dispatcher(database=clients.database, workflows=workflows)
    dispatch = Periodic(name="dispatch", every=1.0, tick=dispatcher.tick)
    suspension = suspension_reconciler(settings, clients, alone=shards.alone, hint=dispatch.hint)
    idle = idle_reconciler(
        settings,
        clients,
        power=build_power(settings, clients, Operations(database=clients.database, hint=dispatch.hint)),
        publishing=build_publishing(settings, clients),
        alone=shards.alone,
    )
    billing = build_billing_work(settings, clients, shards)
    plans = build_repair_plans(settings, clients, Operations(database=clients.database, hint=dispatch.hint))
    return Work(
        workflows=workflows,
        shards=shards,
        heartbeat=build_heartbeat(settings, clients, shards),
        billing=billing,
        dispatch=dispatch,
        periodics=(
            *billing,
            dispatch,
            Periodic(name="lease", every=5.0, tick=workflows.renew_lease),
            Periodic(name="take-over", every=10.0, tick=workflows.take_over),
            Periodic(name="shards", every=RENEW_SECONDS, tick=shards.renew, cap=RENEW_SECONDS),
            *build_mail(settings, clients),
            *build_reset_requests(settings, clients),
            *build_reconcilers(settings, clients, shards),
            Periodic(name="idle", every=settings.idle_seconds, tick=idle.tick, cap=30.0),
            *build_repair_work(settings, clients, plans, shards.alone),
            Periodic(name="suspension", every=SUSPENSION_SECONDS, tick=suspension.tick, cap=30.0),
        ),
    )


def build_heartbeat(settings: Settings, clients: Clients, shards: Shards) -> Heartbeat:
    """Construct the poller of the agents."""
    stores = build_stores(clients)
    return Heartbeat(
        database=clients.database,
        agents=clients.agents,
        polls=clients.polls,
        words=stores.words,
        changes=stores.changes,
        shards=lambda: shards.held,
        every=settings.heartbeat_seconds,
    )


def build_reconcilers(settings: Settings, clients: Clients, shards: Shards) -> tuple[Periodic, ...]:
    """Construct what one worker does for all: the edge, the cluster's states, the host operations' keys."""
    stores = build_stores(clients)
    publishing = build_publishing(settings, clients)
    edge = build_link_reconcilers(settings, clients, stores, publishing=publishing, alone=shards.alone)
    cluster = ClusterWatch(
        database=clients.database,
        proxmox=clients.proxmox,
        states=stores.hosts,
        changes=stores.changes,
        alone=shards.alone,
    )
    keys = HostOperationKeys(database=clients.database, running=stores.running, alone=shards.alone)
    ended = EndedSessions(database=clients.database, alone=shards.alone)
    players = player_counts(clients, alone=shards.alone)
    return (
        Periodic(name="ended-sessions", every=SESSIONS_SECONDS, tick=ended.tick),
        *link_periodics(edge),
        Periodic(name="cluster", every=LOOK_SECONDS, tick=cluster.tick, cap=10.0),
        Periodic(name="host-keys", every=KEYS_SECONDS, tick=keys.tick, cap=KEYS_SECONDS),
        Periodic(name="players", every=PLAYERS_SECONDS, tick=players.tick),
    )


def suspension_reconciler(
    settings: Settings, clients: Clients, *, alone: Callable[[], bool], hint: Callable[[], None]
) -> SuspensionReconciler:
    """Construct what keeps the servers of suspended accounts down, and brings them back."""
    stores = build_stores(clients)
    operations = Operations(database=clients.database, hint=hint)
    return SuspensionReconciler(
        database=clients.database,
        proxmox=clients.proxmox,
        power=build_power(settings, clients, operations),
        publishing=build_publishing(settings, clients),
        hosts=stores.hosts,
        changes=stores.changes,
        alone=alone,
    )


def build_workflows(settings: Settings, clients: Clients, *, executor_id: str) -> Workflows:
    """Construct the kernel with every workflow registered."""
    stores = build_stores(clients)
    workflows = Workflows(
        url=settings.database_url.get_secret_value(),
        journal=OperationJournal(database=clients.database, changes=stores.changes),
        leases=Leases(database=clients.database, rows=LeaseRows(), executor_id=executor_id),
        fault=FaultPoint.from_environment(),
    )
    group = provisioning_settings(settings)
    publishing = build_publishing(settings, clients)
    entitlements = build_entitlements(settings, clients)
    create = build_create(settings, clients, group, entitlements=entitlements, publishing=publishing)
    delete = DeleteSteps(
        database=clients.database,
        proxmox=clients.proxmox,
        publishing=publishing,
        words=stores.words,
    )
    power = PowerSteps(
        database=clients.database,
        entitlements=entitlements,
        proxmox=clients.proxmox,
        running=stores.running,
        hosts=stores.hosts,
        changes=stores.changes,
        shutdown_seconds=settings.proxmox_shutdown_seconds,
    )
    for workflow in (
        create,
        delete_workflow(delete, group),
        *host_workflows(power),
    ):
        workflows.register(workflow)
    return workflows
