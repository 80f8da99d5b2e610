"""Constructs the foreign systems' clients and the stores of the live state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.control.db.session import Database
from zpack.control.engine.changes import Changes
from zpack.control.heartbeat.activity import Activities
from zpack.control.heartbeat.store import AgentWords
from zpack.control.hosts.store import HostStates
from zpack.control.outside.agent import Agents
from zpack.control.outside.agent_console import AgentConsoles
from zpack.control.outside.agent_poll import AgentPolls
from zpack.control.outside.agent_stream import AgentStreams
from zpack.control.outside.artifacts import Artifacts
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.ide_upstream import IdeUpstream
from zpack.control.outside.modrinth import Modrinth
from zpack.control.power.store import HostOperations
from zpack.control.publishing.store import Registrations
from zpack.control.wiring.discord import build_discord
from zpack.control.wiring.links import build_links
from zpack.control.wiring.prometheus import build_prometheus
from zpack.control.wiring.proxmox import build_proxmox
from zpack.control.wiring.roads import build_roads
from zpack.control.wiring.stripe import build_stripe

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from zpack.control.outside.discord import Discord
    from zpack.control.outside.mail import Road
    from zpack.control.outside.prometheus import Prometheus
    from zpack.control.outside.proxmox import Proxmox
    from zpack.control.outside.stripe import Stripe
    from zpack.control.publishing.links import Link
    from zpack.control.settings import Settings


@dataclass(frozen=True)
class Clients:
    """The foreign systems of one process."""

    database: Database
    redis: Redis
    proxmox: Proxmox
    agents: Agents
    consoles: AgentConsoles
    ide: IdeUpstream
    polls: AgentPolls
    streams: AgentStreams
    links: tuple[Link, ...]
    artifacts: Artifacts
    mail: tuple[Road, ...]
    modrinth: Modrinth
    stripe: Stripe
    prometheus: Prometheus
    discord: Discord | None = None

    async def close(self) -> None:
        """Close every session and connection."""
        agents = (self.agents, self.consoles, self.polls, self.streams)
        for client in (
            self.proxmox,
            *agents,
            self.ide,
            *self.links,
            self.artifacts,
            *self.mail,
            self.modrinth,
            self.stripe,
            self.prometheus,
            *((self.discord,) if self.discord is not None else ()),
        ):
            await client.close()
        await self.redis.aclose()
        await self.database.close()


@dataclass(frozen=True)
class Stores:
    """The live state in Redis, and the way changes are told."""

    activities: Activities
    changes: Changes
    words: AgentWords
    hosts: HostStates
    running: HostOperations
    registrations: Registrations


def build_clients(settings: Settings, redis: Redis) -> Clients:
    """Construct the foreign systems' clients; nothing is connected yet."""
    fixed = settings.agent_token.get_secret_value() if settings.agent_token else None
    return Clients(
        database=Database(settings.database_url.get_secret_value()),
        redis=redis,
        proxmox=build_proxmox(settings),
        agents=Agents(
            http=ForeignHttp(name="the agent", connections=256, ours=True),
            port=settings.agent_port,
            master=settings.agent_secret.get_secret_value(),
            fixed_token=fixed,
        ),
        consoles=AgentConsoles(port=settings.agent_port),
        ide=IdeUpstream(),
        polls=AgentPolls(port=settings.agent_port),
        streams=AgentStreams(port=settings.agent_port),
        links=build_links(settings),
        artifacts=Artifacts(
            base_url=settings.artifact_base_url, http=ForeignHttp(name="the artifact server")
        ),
        mail=build_roads(settings),
        modrinth=Modrinth(
            base_url=settings.modrinth_api_base,
            user_agent=settings.modrinth_user_agent,
            http=ForeignHttp(name="Modrinth", connections=8),
        ),
        stripe=build_stripe(settings),
        prometheus=build_prometheus(settings),
        discord=build_discord(settings),
    )


def build_stores(clients: Clients) -> Stores:
    """Construct the stores of the live state."""
    redis = clients.redis
    return Stores(
        activities=Activities(redis=redis),
        changes=Changes(redis=redis),
        words=AgentWords(redis=redis),
        hosts=HostStates(redis=redis),
        running=HostOperations(redis=redis),
        registrations=Registrations(redis=redis),
    )
