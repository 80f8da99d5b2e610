"""What is known of servers right now: one round trip to Redis, however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.control.heartbeat.store import ask_words
from zpack.control.hosts.store import ask_hosts, told_hosts
from zpack.control.power.store import ask_operations
from zpack.control.publishing.store import ask_registrations, told_registrations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from zpack.control.instances.models import ServerFacts


@dataclass(frozen=True, slots=True)
class Live:
    """What the stores say of one server, still as text; equal means that nothing changed.

    ``hosts_known`` and ``edge_known`` say whether anybody has looked at the cluster and at the proxy lately.
    """

    word: str | None
    operation: str | None
    host: str | None
    registration: str | None
    hosts_known: bool
    edge_known: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """The live state of some servers, and when the cluster and the proxy were last looked at (RFC 3339)."""

    servers: list[Live]
    hosts_at: str | None
    listed_at: str | None


class LiveState:
    """Reads everything live about servers."""

    def __init__(self, *, redis: Redis) -> None:
        self._redis = redis

    async def look(self, servers: Sequence[ServerFacts]) -> Looked:
        """Return what is known of these servers, in their order."""
        if not servers:
            return Looked([], None, None)
        vmids = [server.vmid for server in servers]
        pipeline = self._redis.pipeline(transaction=False)
        ask_words(pipeline, vmids)
        ask_operations(pipeline, vmids)
        ask_hosts(pipeline, vmids)
        ask_registrations(pipeline, [server.hostname for server in servers])
        words, operations, hosts, registrations = await pipeline.execute()
        hosts_at, states = told_hosts(hosts)
        listed_at, places = told_registrations(registrations)
        known = (hosts_at is not None, listed_at is not None)
        rows = zip(words, operations, states, places, strict=True)
        return Looked([Live(*row, *known) for row in rows], hosts_at, listed_at)
