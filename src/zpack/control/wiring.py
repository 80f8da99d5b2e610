"""The only constructor: settings → clients → stores → actions."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from zpack.control.accounts.actions import Accounts
from zpack.control.accounts.auth import AccessTokens
from zpack.control.accounts.tickets import Tickets
from zpack.control.backups.actions import Backups
from zpack.control.catalog.actions import Catalog
from zpack.control.console.actions import Console
from zpack.control.console.streams import ConsoleStreams
from zpack.control.db.leases import LeaseRows, ShardRows
from zpack.control.db.session import Database
from zpack.control.dev.actions import Dev
from zpack.control.engine.changes import Changes
from zpack.control.engine.faults import FaultPoint
from zpack.control.engine.leases import Leases
from zpack.control.engine.limits import Rate, RateLimit
from zpack.control.engine.periodic import Periodic
from zpack.control.engine.shards import RENEW_SECONDS, Shards
from zpack.control.engine.workflow import Workflows
from zpack.control.events.actions import Streams
from zpack.control.files.actions import Files
from zpack.control.heartbeat.poller import Heartbeat
from zpack.control.heartbeat.store import AgentWords
from zpack.control.hosts.poller import ClusterWatch
from zpack.control.hosts.store import HostStates
from zpack.control.instances.actions import Instances
from zpack.control.mods.actions import Mods
from zpack.control.operations.actions import OperationJournal, Operations
from zpack.control.operations.poller import Dispatcher
from zpack.control.outside.agent import Agents
from zpack.control.outside.agent_console import AgentConsoles
from zpack.control.outside.agent_poll import AgentPolls
from zpack.control.outside.agent_stream import AgentStreams
from zpack.control.outside.artifacts import Artifacts
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.modrinth import Modrinth
from zpack.control.outside.proxmox import Proxmox
from zpack.control.outside.velocity import Velocity
from zpack.control.power.actions import Power
from zpack.control.power.reconciler import HostOperationKeys
from zpack.control.power.steps import PowerSteps
from zpack.control.power.store import HostOperations
from zpack.control.power.workflow import host_workflows
from zpack.control.provisioning.actions import Provisioning
from zpack.control.provisioning.lanes import Lanes
from zpack.control.provisioning.removal import DeleteSteps
from zpack.control.provisioning.settings import ProvisioningSettings
from zpack.control.provisioning.steps import CreateSteps
from zpack.control.provisioning.workflow import create_workflow, delete_workflow
from zpack.control.publishing.actions import Publishing
from zpack.control.publishing.reconciler import EdgeReconciler
from zpack.control.publishing.store import Registrations
from zpack.control.status.live import LiveState
from zpack.control.status.view import Servers

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from zpack.control.instances.models import ContainerType
    from zpack.control.settings import Settings

RATES = {
    "register": Rate(30, 3600),
    "login": Rate(10, 60),
    "login-address": Rate(120, 60),
    "login-account": Rate(60, 60),
    "mods": Rate(60, 60),
    "ticket": Rate(120, 60),
}
LOOK_SECONDS = 2.0
"""Seconds between two looks at the whole cluster."""
KEYS_SECONDS = 5.0


@dataclass(frozen=True)
class Clients:
    """The foreign systems of one process."""

    database: Database
    redis: Redis
    proxmox: Proxmox
    agents: Agents
    consoles: AgentConsoles
    polls: AgentPolls
    streams: AgentStreams
    velocity: Velocity
    artifacts: Artifacts
    modrinth: Modrinth

    async def close(self) -> None:
        """Close every session and connection."""
        agents = (self.agents, self.consoles, self.polls, self.streams)
        for client in (self.proxmox, *agents, self.velocity, self.artifacts, self.modrinth):
            await client.close()
        await self.redis.aclose()
        await self.database.close()


@dataclass(frozen=True)
class Stores:
    """The live state in Redis, and the way changes are told."""

    changes: Changes
    words: AgentWords
    hosts: HostStates
    running: HostOperations
    registrations: Registrations


@dataclass(frozen=True)
class Api:
    """The actions behind the routes; each attribute becomes ``app.state.<name>``."""

    accounts: Accounts
    backups: Backups
    catalog: Catalog
    console: Console
    console_streams: ConsoleStreams
    dev: Dev
    events: Streams
    files: Files
    dev_files: Files
    instances: Instances
    mods: Mods
    operations: Operations
    power: Power
    provisioning: Provisioning
    publishing: Publishing
    servers: Servers
    edge_secret: str


@dataclass(frozen=True)
class Work:
    """What a worker runs."""

    workflows: Workflows
    shards: Shards
    heartbeat: Heartbeat
    periodics: tuple[Periodic, ...]
    dispatch: Periodic


@dataclass
class Hint:
    """Wakes the dispatcher when API and worker share a process; without one nothing listens."""

    listener: Periodic | None = field(default=None)

    def __call__(self) -> None:
        """Wake it."""
        if self.listener is not None:
            self.listener.hint()


def build_clients(settings: Settings, redis: Redis) -> Clients:
    """Construct the foreign systems' clients; nothing is connected yet."""
    fixed = settings.agent_token.get_secret_value() if settings.agent_token else None
    return Clients(
        database=Database(settings.database_url.get_secret_value()),
        redis=redis,
        proxmox=Proxmox(
            base_url=settings.proxmox_host,
            token=settings.proxmox_token.get_secret_value(),
            node=settings.proxmox_node,
            http=ForeignHttp(name="Proxmox", verify_tls=settings.proxmox_verify_tls),
        ),
        agents=Agents(
            http=ForeignHttp(name="the agent", connections=256),
            port=settings.agent_port,
            master=settings.agent_secret.get_secret_value(),
            fixed_token=fixed,
        ),
        consoles=AgentConsoles(port=settings.agent_port),
        polls=AgentPolls(port=settings.agent_port),
        streams=AgentStreams(port=settings.agent_port),
        velocity=Velocity(
            base_url=settings.velocity_url,
            secret=settings.edge_secret.get_secret_value(),
            http=ForeignHttp(name="the game proxy"),
        ),
        artifacts=Artifacts(
            base_url=settings.artifact_base_url, http=ForeignHttp(name="the artifact server")
        ),
        modrinth=Modrinth(
            base_url=settings.modrinth_api_base,
            user_agent=settings.modrinth_user_agent,
            http=ForeignHttp(name="Modrinth", connections=8),
        ),
    )


def build_stores(clients: Clients) -> Stores:
    """Construct the stores of the live state."""
    redis = clients.redis
    return Stores(
        changes=Changes(redis=redis),
        words=AgentWords(redis=redis),
        hosts=HostStates(redis=redis),
        running=HostOperations(redis=redis),
        registrations=Registrations(redis=redis),
    )


def build_instances(clients: Clients) -> Instances:
    """Construct the room of the servers themselves."""
    return Instances(database=clients.database, token_for=clients.agents.token_for)


def build_accounts(settings: Settings, clients: Clients) -> Accounts:
    """Construct the accounts room."""
    return Accounts(
        database=clients.database,
        tokens=AccessTokens(
            secret=settings.auth_secret.get_secret_value(), life=timedelta(seconds=settings.auth_ttl)
        ),
        tickets=Tickets(redis=clients.redis),
        limit=RateLimit(redis=clients.redis, rates=RATES),
    )


def build_publishing(settings: Settings, clients: Clients) -> Publishing:
    """Construct the publishing room."""
    stores = build_stores(clients)
    return Publishing(
        database=clients.database,
        instances=build_instances(clients),
        velocity=clients.velocity,
        words=stores.words,
        registrations=stores.registrations,
        changes=stores.changes,
        domain=settings.game_domain,
    )


def build_files(clients: Clients, accounts: Accounts, ctype: ContainerType) -> Files:
    """Construct the files room for one type of container."""
    return Files(
        ctype=ctype,
        database=clients.database,
        accounts=accounts,
        instances=build_instances(clients),
        agents=clients.agents,
        streams=clients.streams,
    )


def build_api(settings: Settings, clients: Clients, hint: Hint) -> Api:
    """Construct the rooms behind the routes."""
    database, proxmox = clients.database, clients.proxmox
    instances = build_instances(clients)
    operations = Operations(database=database, hint=hint)
    stores, accounts = build_stores(clients), build_accounts(settings, clients)
    catalog = Catalog(artifacts=clients.artifacts)
    servers = Servers(
        database=database,
        instances=instances,
        live=LiveState(redis=clients.redis),
        domain=settings.game_domain,
    )
    return Api(
        accounts=accounts,
        backups=Backups(database=database, instances=instances, agents=clients.agents),
        catalog=catalog,
        console=Console(database=database, accounts=accounts, instances=instances, agents=clients.agents),
        console_streams=ConsoleStreams(
            database=database, accounts=accounts, instances=instances, consoles=clients.consoles
        ),
        dev=Dev(database=database, instances=instances, agents=clients.agents),
        events=Streams(changes=stores.changes, accounts=accounts, servers=servers, operations=operations),
        files=build_files(clients, accounts, "game"),
        dev_files=build_files(clients, accounts, "dev"),
        instances=instances,
        mods=Mods(
            database=database,
            instances=instances,
            agents=clients.agents,
            modrinth=clients.modrinth,
            limit=RateLimit(redis=clients.redis, rates=RATES),
            origins=tuple(part.strip().rstrip("/") for part in settings.modrinth_cdn.split(",")),
        ),
        operations=operations,
        power=Power(
            database=database,
            instances=instances,
            operations=operations,
            running=stores.running,
            agents=clients.agents,
            proxmox=proxmox,
            changes=stores.changes,
        ),
        provisioning=Provisioning(
            database=database,
            operations=operations,
            catalog=catalog,
            proxmox=proxmox,
            settings=provisioning_settings(settings),
        ),
        publishing=build_publishing(settings, clients),
        servers=servers,
        edge_secret=settings.edge_secret.get_secret_value(),
    )


def build_work(settings: Settings, clients: Clients, *, embedded: bool) -> Work:
    """Construct the workflows and the pollers of a worker."""
    default = "embedded" if embedded else f"worker-{secrets.token_hex(6)}"
    name = settings.executor_id or default
    workflows = build_workflows(settings, clients, executor_id=name)
    shards = Shards(database=clients.database, rows=ShardRows(), worker=name)
    dispatcher = Dispatcher(database=clients.database, workflows=workflows)
    dispatch = Periodic(name="dispatch", every=1.0, tick=dispatcher.tick)
    return Work(
        workflows=workflows,
        shards=shards,
        heartbeat=build_heartbeat(settings, clients, shards),
        dispatch=dispatch,
        periodics=(
            dispatch,
            Periodic(name="lease", every=5.0, tick=workflows.renew_lease),
            Periodic(name="take-over", every=10.0, tick=workflows.take_over),
            Periodic(name="shards", every=RENEW_SECONDS, tick=shards.renew, cap=RENEW_SECONDS),
            *build_reconcilers(settings, clients, shards),
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
    edge = EdgeReconciler(
        database=clients.database,
        velocity=clients.velocity,
        registrations=stores.registrations,
        changes=stores.changes,
        alone=shards.alone,
    )
    cluster = ClusterWatch(
        database=clients.database,
        proxmox=clients.proxmox,
        states=stores.hosts,
        changes=stores.changes,
        alone=shards.alone,
    )
    keys = HostOperationKeys(database=clients.database, running=stores.running, alone=shards.alone)
    return (
        Periodic(name="edge", every=settings.edge_seconds, tick=edge.tick, cap=settings.edge_seconds),
        Periodic(name="cluster", every=LOOK_SECONDS, tick=cluster.tick, cap=10.0),
        Periodic(name="host-keys", every=KEYS_SECONDS, tick=keys.tick, cap=KEYS_SECONDS),
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
    create = CreateSteps(
        database=clients.database,
        proxmox=clients.proxmox,
        agents=clients.agents,
        publishing=publishing,
        words=stores.words,
        lanes=Lanes(database=clients.database, width=settings.clone_width),
        settings=group,
    )
    delete = DeleteSteps(
        database=clients.database,
        proxmox=clients.proxmox,
        publishing=publishing,
        words=stores.words,
    )
    power = PowerSteps(
        database=clients.database,
        proxmox=clients.proxmox,
        running=stores.running,
        hosts=stores.hosts,
        changes=stores.changes,
    )
    for workflow in (
        create_workflow(create, group),
        delete_workflow(delete, group),
        *host_workflows(power),
    ):
        workflows.register(workflow)
    return workflows


def provisioning_settings(settings: Settings) -> ProvisioningSettings:
    """Return provisioning's own group."""
    return ProvisioningSettings(
        template_vmid=settings.template_vmid,
        storage=settings.proxmox_storage,
        pool=settings.proxmox_pool,
        bridge=settings.bridge,
        clone_width=settings.clone_width,
        budget=settings.create_budget,
        delete_budget=settings.delete_budget,
    )
