"""Constructs the rooms behind the routes: settings → stores → actions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zpack.control.backups.actions import Backups
from zpack.control.catalog.actions import Catalog
from zpack.control.console.actions import Console
from zpack.control.console.streams import ConsoleStreams
from zpack.control.dev.actions import Dev
from zpack.control.engine.limits import Rate, RateLimit
from zpack.control.entitlements.actions import Entitlements
from zpack.control.events.actions import Streams
from zpack.control.files.actions import Files
from zpack.control.instances.actions import Instances
from zpack.control.mods.actions import Mods
from zpack.control.operations.actions import Operations
from zpack.control.power.actions import Power
from zpack.control.provisioning.actions import Provisioning
from zpack.control.provisioning.settings import ProvisioningSettings
from zpack.control.publishing.actions import Publishing
from zpack.control.status.live import LiveState
from zpack.control.status.view import Servers
from zpack.control.wiring.billing import build_billing, build_ledger, build_webhook
from zpack.control.wiring.clients import Clients, build_stores
from zpack.control.wiring.identity import build_identity
from zpack.control.wiring.recovery import build_recovery

if TYPE_CHECKING:
    from zpack.control.accounts.actions import Accounts
    from zpack.control.accounts.sessions import Sessions
    from zpack.control.administration.actions import Administration
    from zpack.control.apikeys.actions import ApiKeys
    from zpack.control.billing.actions import Billing
    from zpack.control.billing.ledger import Ledger
    from zpack.control.billing.webhook import Webhook
    from zpack.control.engine.periodic import Periodic
    from zpack.control.instances.models import ContainerType
    from zpack.control.recovery.actions import Recovery
    from zpack.control.secondfactor.actions import SecondFactors
    from zpack.control.settings import Settings

RATES = {
    "mods": Rate(60, 60),
}


@dataclass(frozen=True)
class Api:
    """The actions behind the routes; each attribute becomes ``app.state.<name>``."""

    accounts: Accounts
    administration: Administration
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
    instances: Instances
    mods: Mods
    operations: Operations
    power: Power
    provisioning: Provisioning
    publishing: Publishing
    recovery: Recovery
    second_factors: SecondFactors
    servers: Servers
    sessions: Sessions
    edge_secret: str


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
    stores, identity = build_stores(clients), build_identity(settings, clients)
    accounts = identity.accounts
    catalog = Catalog(artifacts=clients.artifacts)
    entitlements = build_entitlements(settings, clients)
    servers = Servers(
        database=database,
        instances=instances,
        live=LiveState(redis=clients.redis),
        domain=settings.game_domain,
    )
    return Api(
        accounts=accounts,
        administration=identity.administration,
        apikeys=identity.apikeys,
        backups=Backups(database=database, instances=instances, agents=clients.agents),
        billing=build_billing(settings, clients, entitlements),
        billing_ledger=build_ledger(settings, clients),
        billing_webhook=build_webhook(settings, clients, hint.inbox),
        catalog=catalog,
        console=Console(database=database, accounts=accounts, instances=instances, agents=clients.agents),
        console_streams=ConsoleStreams(
            database=database, accounts=accounts, instances=instances, consoles=clients.consoles
        ),
        dev=Dev(database=database, instances=instances, agents=clients.agents),
        entitlements=entitlements,
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
        recovery=build_recovery(settings, clients, accounts),
        second_factors=identity.second_factors,
        servers=servers,
        sessions=identity.sessions,
        edge_secret=settings.edge_secret.get_secret_value(),
    )


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
        require_verified_email=settings.require_verified_email,
    )
