"""Constructs the rooms behind the routes: settings → stores → actions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zpack.control.activity.actions import Activity
from zpack.control.backups.actions import Backups
from zpack.control.backups.store import Turns
from zpack.control.catalog.actions import Catalog
from zpack.control.console.actions import Console
from zpack.control.console.streams import ConsoleStreams
from zpack.control.dev.actions import Dev
from zpack.control.engine.limits import Rate, RateLimit
from zpack.control.entitlements.actions import Entitlements
from zpack.control.entitlements.plans import Plans
from zpack.control.events.actions import Streams
from zpack.control.files.actions import Files
from zpack.control.fleet.actions import Fleet
from zpack.control.instances.actions import Instances
from zpack.control.instances.naming import Naming
from zpack.control.mods.actions import Mods
from zpack.control.operations.actions import Operations
from zpack.control.power.actions import Power
from zpack.control.provisioning.actions import Provisioning
from zpack.control.provisioning.settings import ProvisioningSettings
from zpack.control.publishing.actions import Publishing
from zpack.control.publishing.looking import Looking
from zpack.control.routing.models import parse_ranges
from zpack.control.settings import words
from zpack.control.status.live import LiveState
from zpack.control.status.view import Servers
from zpack.control.suspension.actions import Suspension
from zpack.control.wiring.billing import build_billing, build_ledger, build_webhook
from zpack.control.wiring.checks import build_health
from zpack.control.wiring.clients import Clients, build_stores
from zpack.control.wiring.edge import build_drift, build_operators, build_places
from zpack.control.wiring.ide import IdeDoor, build_ide
from zpack.control.wiring.identity import build_identity
from zpack.control.wiring.idle import build_idle
from zpack.control.wiring.monitoring import build_monitoring
from zpack.control.wiring.recovery import build_recovery
from zpack.control.wiring.repair import build_plans, build_repair
from zpack.control.wiring.support import build_support
from zpack.control.wiring.traefik import build_routing, provider_token

if TYPE_CHECKING:
    from zpack.control.accounts.actions import Accounts
    from zpack.control.accounts.sessions import Sessions
    from zpack.control.administration.actions import Administration
    from zpack.control.announcements.actions import Announcements
    from zpack.control.apikeys.actions import ApiKeys
    from zpack.control.billing.actions import Billing
    from zpack.control.billing.ledger import Ledger
    from zpack.control.billing.webhook import Webhook
    from zpack.control.engine.periodic import Periodic
    from zpack.control.fleet.health import Health
    from zpack.control.idle.actions import Idle
    from zpack.control.instances.models import ContainerType
    from zpack.control.monitoring.actions import Discovery, History
    from zpack.control.monitoring.page import Page
    from zpack.control.publishing.drift import Drift
    from zpack.control.publishing.operators import Operators
    from zpack.control.recovery.actions import Recovery
    from zpack.control.repair.actions import Repair
    from zpack.control.repair.plans import RepairPlans
    from zpack.control.routing.actions import Routing
    from zpack.control.secondfactor.actions import SecondFactors
    from zpack.control.settings import Settings
    from zpack.control.support.actions import Support

RATES = {
    "mods": Rate(60, 60),
}


@dataclass(frozen=True)
class Api:
    """The actions behind the routes; each attribute becomes ``app.state.<name>``."""

    accounts: Accounts
    activity: Activity
    administration: Administration
    announcements: Announcements
    apikeys: ApiKeys
    backups: Backups
    billing: Billing
    billing_ledger: Ledger
    billing_webhook: Webhook
    catalog: Catalog
    console: Console
    console_streams: ConsoleStreams
    dev: Dev
    entitlements: Entitlements
    events: Streams
    files: Files
    dev_files: Files
    fleet: Fleet
    health: Health
    ide: IdeDoor
    idle: Idle
    instances: Instances
    mods: Mods
    naming: Naming
    operations: Operations
    plans: Plans
    power: Power
    provisioning: Provisioning
    publishing: Publishing
    recovery: Recovery
    routing: Routing
    repair: Repair
    second_factors: SecondFactors
    servers: Servers
    sessions: Sessions
    support: Support
    suspension: Suspension
    edge_drift: Drift
    edge_looking: Looking
    edge_operators: Operators
    edge_secret: str
    traefik_token: str | None
    discovery: Discovery
    history: History
    metrics_page: Page
    discovery_token: str | None
    metrics_token: str | None


@dataclass
class Hint:
    """Wakes the dispatcher when API and worker share a process; without one nothing listens."""

    listener: Periodic | None = field(default=None)
    billing: Periodic | None = field(default=None)

    def __call__(self) -> None:
        """Wake it."""
        if self.listener is not None:
            self.listener.hint()

    def inbox(self) -> None:
        """Wake whoever acts on Stripe's events."""
        if self.billing is not None:
            self.billing.hint()


def build_instances(clients: Clients) -> Instances:
    """Construct the room of the servers themselves."""
    return Instances(database=clients.database, token_for=clients.agents.token_for)


def build_naming(clients: Clients) -> Naming:
    """Construct what gives servers their names."""
    return Naming(
        database=clients.database,
        instances=build_instances(clients),
        changes=build_stores(clients).changes,
    )


def build_entitlements(settings: Settings, clients: Clients) -> Entitlements:
    """Construct the room of plans and standings."""
    return Entitlements(
        database=clients.database, billing=settings.billing_on, default_plan=settings.plan_by_default
    )


def build_publishing(settings: Settings, clients: Clients) -> Publishing:
    """Construct the publishing room."""
    stores = build_stores(clients)
    return Publishing(
        database=clients.database,
        instances=build_instances(clients),
        links=clients.links,
        places=build_places(settings),
        words=stores.words,
        registrations=stores.registrations,
        changes=stores.changes,
    )


def build_power(settings: Settings, clients: Clients, operations: Operations) -> Power:
    """Construct the power room."""
    stores = build_stores(clients)
    return Power(
        database=clients.database,
        entitlements=build_entitlements(settings, clients),
        instances=build_instances(clients),
        operations=operations,
        running=stores.running,
        agents=clients.agents,
        proxmox=clients.proxmox,
        changes=stores.changes,
    )


def build_backups(clients: Clients, entitlements: Entitlements) -> Backups:
    """Construct the backups room."""
    return Backups(
        database=clients.database,
        entitlements=entitlements,
        instances=build_instances(clients),
        agents=clients.agents,
        turns=Turns(redis=clients.redis),
    )


def build_mods(settings: Settings, clients: Clients, entitlements: Entitlements) -> Mods:
    """Construct the mods room."""
    return Mods(
        database=clients.database,
        entitlements=entitlements,
        instances=build_instances(clients),
        agents=clients.agents,
        modrinth=clients.modrinth,
        limit=RateLimit(redis=clients.redis, rates=RATES),
        origins=tuple(part.strip().rstrip("/") for part in settings.modrinth_cdn.split(",")),
    )


def build_files(
    clients: Clients, accounts: Accounts, entitlements: Entitlements, ctype: ContainerType
) -> Files:
    """Construct the files room for one type of container."""
    return Files(
        ctype=ctype,
        database=clients.database,
        accounts=accounts,
        entitlements=entitlements,
        instances=build_instances(clients),
        agents=clients.agents,
        streams=clients.streams,
    )


def build_console(clients: Clients, accounts: Accounts, entitlements: Entitlements) -> Console:
    """Construct the console room."""
    return Console(
        database=clients.database,
        accounts=accounts,
        entitlements=entitlements,
        instances=build_instances(clients),
        agents=clients.agents,
    )


def build_console_streams(clients: Clients, accounts: Accounts, entitlements: Entitlements) -> ConsoleStreams:
    """Construct the console's sockets."""
    return ConsoleStreams(
        database=clients.database,
        accounts=accounts,
        entitlements=entitlements,
        instances=build_instances(clients),
        consoles=clients.consoles,
        activities=build_stores(clients).activities,
    )


def build_servers(settings: Settings, clients: Clients, entitlements: Entitlements) -> Servers:
    """Construct the room that shows servers."""
    return Servers(
        database=clients.database,
        instances=build_instances(clients),
        live=LiveState(redis=clients.redis),
        domain=settings.game_domain,
        edge_port=settings.edge_public_port,
        plan_of=entitlements.plan_name,
    )


def build_provisioning(
    settings: Settings, clients: Clients, operations: Operations, catalog: Catalog
) -> Provisioning:
    """Construct the provisioning room."""
    return Provisioning(
        database=clients.database,
        operations=operations,
        entitlements=build_entitlements(settings, clients),
        catalog=catalog,
        proxmox=clients.proxmox,
        settings=provisioning_settings(settings),
    )


def build_api(settings: Settings, clients: Clients, hint: Hint) -> Api:
    """Construct the rooms behind the routes."""
    database = clients.database
    instances = build_instances(clients)
    operations = Operations(database=database, hint=hint)
    stores, identity = build_stores(clients), build_identity(settings, clients)
    accounts, publishing = identity.accounts, build_publishing(settings, clients)
    catalog = Catalog(artifacts=clients.artifacts)
    entitlements = build_entitlements(settings, clients)
    servers = build_servers(settings, clients, entitlements)
    power = build_power(settings, clients, operations)
    idle = build_idle(settings, clients, entitlements=entitlements, instances=instances, power=power)
    drift = build_drift(settings, clients, stores, publishing)
    return Api(
        accounts=accounts,
        activity=Activity(database=database, instances=instances),
        administration=identity.administration,
        apikeys=identity.apikeys,
        backups=build_backups(clients, entitlements),
        billing=build_billing(settings, clients, entitlements),
        billing_ledger=build_ledger(settings, clients),
        billing_webhook=build_webhook(settings, clients, hint.inbox),
        catalog=catalog,
        console=build_console(clients, accounts, entitlements),
        console_streams=build_console_streams(clients, accounts, entitlements),
        dev=Dev(database=database, entitlements=entitlements, instances=instances, agents=clients.agents),
        entitlements=entitlements,
        events=Streams(changes=stores.changes, accounts=accounts, servers=servers, operations=operations),
        files=build_files(clients, accounts, entitlements, "game"),
        dev_files=build_files(clients, accounts, entitlements, "dev"),
        fleet=Fleet(database=database, proxmox=clients.proxmox, words=stores.words),
        health=build_health(settings, clients),
        ide=build_ide(settings, clients, accounts, entitlements, wake=idle.opened),
        idle=idle,
        instances=instances,
        mods=build_mods(settings, clients, entitlements),
        naming=build_naming(clients),
        operations=operations,
        plans=Plans(database=database),
        power=power,
        provisioning=build_provisioning(settings, clients, operations, catalog),
        publishing=publishing,
        recovery=build_recovery(settings, clients, accounts),
        routing=build_routing(settings, database),
        repair=build_repair(settings, clients, build_repair_plans(settings, clients, operations), publishing),
        second_factors=identity.second_factors,
        servers=servers,
        sessions=identity.sessions,
        suspension=Suspension(database=database),
        edge_drift=drift,
        edge_looking=Looking(drift.look),
        edge_operators=build_operators(settings, clients, publishing),
        edge_secret=settings.edge_secret.get_secret_value(),
        traefik_token=provider_token(settings),
        **build_monitoring(settings, clients, instances),
        **build_support(settings, clients),
    )


def build_repair_plans(settings: Settings, clients: Clients, operations: Operations) -> RepairPlans:
    """Construct what plans repairs."""
    return build_plans(
        settings,
        clients,
        provisioning_settings(settings),
        operations=operations,
        power=build_power(settings, clients, operations),
        entitlements=build_entitlements(settings, clients),
        publishing=build_publishing(settings, clients),
    )


def provisioning_settings(settings: Settings) -> ProvisioningSettings:
    """Return provisioning's own group."""
    return ProvisioningSettings(
        template_vmid=settings.template_vmid,
        storage=settings.proxmox_storage,
        pool=settings.proxmox_pool,
        bridges={"game": settings.bridge, "dev": settings.dev_bridge},
        clone_width=settings.clone_width,
        disk_gib=settings.disk_gib,
        placed=settings.places_containers,
        nodes=words(settings.proxmox_nodes),
        templates=settings.node_templates,
        budget=settings.create_budget,
        delete_budget=settings.delete_budget,
        require_verified_email=settings.require_verified_email,
        public_ports=parse_ranges(settings.port_ranges),
    )
