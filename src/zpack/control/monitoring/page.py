"""The page that Prometheus reads: what this process counted, and for an API process the platform's state."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from zpack.control.engine.measures import REGISTRY
from zpack.control.monitoring import store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from zpack.control.db.session import Database
    from zpack.control.hosts.store import HostStates
    from zpack.control.monitoring.store import Counts

log = logging.getLogger("zpack.metrics")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
POWERS = ("running", "stopped")
LOOK_SECONDS, KEPT_SECONDS = 2.0, 5.0


class Polled(Protocol):
    """The part of the heartbeat that knows how many agents are how."""

    def states(self) -> dict[str, int]:
        """Return how many agents this process polls, by state."""
        ...


class Page:
    """Renders the figures of one process. ``platform`` is left out by workers: one place counts the rows."""

    def __init__(
        self,
        *,
        database: Database,
        hosts: HostStates,
        platform: bool,
    ) -> None:
        self._process = _Process(database)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self._process)
        self._platform = Platform(database=database, hosts=hosts) if platform else None
        if self._platform is not None:
            self._registry.register(self._platform)

    def watch(self, polled: Polled) -> None:
        """Show also the agents that this process polls."""
        self._process.polled = polled

    async def render(self) -> bytes:
        """Return the page."""
        if self._platform is not None:
            await self._platform.look()
        # In a thread: with hundreds of routes it takes tens of milliseconds.
        counted = await asyncio.to_thread(generate_latest, REGISTRY)
        return counted + generate_latest(self._registry)


class _Process(Collector):
    """What is read from objects of this process when the page is."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.polled: Polled | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        used, size = self._database.pool
        pool = GaugeMetricFamily(
            "zpack_database_connections", "Connections of the pool in use, and its size.", labels=["state"]
        )
        pool.add_metric(["used"], used)
        pool.add_metric(["size"], size)
        yield pool
        if self.polled is not None:
            agents = GaugeMetricFamily("zpack_agents", "Agents polled by this worker.", labels=["state"])
            for state, number in self.polled.states().items():
                agents.add_metric([state], number)
            yield agents


class Platform(Collector):
    """What the database says of the whole platform, looked at when the page is and not more often."""

    def __init__(self, *, database: Database, hosts: HostStates) -> None:
        self._database = database
        self._hosts = hosts
        self._turn = asyncio.Lock()
        self._looked: float | None = None
        self._counts: Counts | None = None
        self._powers: dict[str, int] = {}
        self._up: dict[str, bool] = {}

    async def look(self) -> None:
        """Look, unless somebody just did. Whatever is away is said by its gauge."""
        async with self._turn:
            if self._looked is not None and time.monotonic() < self._looked + KEPT_SECONDS:
                return
            self._counts, self._powers = None, {}
            asked = {"redis": self._look_at_hosts, "database": self._count}
            self._up = {name: await self._answers(ask) for name, ask in asked.items()}
            self._looked = time.monotonic()

    async def _count(self) -> None:
        async with self._database.reading() as session:
            self._counts = await store.count(session)

    async def _look_at_hosts(self) -> None:
        self._powers = await self._hosts.powers()

    async def _answers(self, ask: Callable[[], Awaitable[object]]) -> bool:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await ask()
        except Exception as failure:  # noqa: BLE001 - whatever is wrong, the page says so
            log.warning("the platform cannot be counted: %s", type(failure).__name__)
            return False
        return True

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; what is not known is left out, not zero."""
        yield _gauge(
            "zpack_store_up",
            "Whether a store of ours answers.",
            ["store"],
            {(name,): float(up) for name, up in self._up.items()},
        )
        powers: dict[str, int] = dict.fromkeys(POWERS, 0) if self._powers else {}
        for power, number in self._powers.items():
            key = power if power in POWERS else "other"
            powers[key] = powers.get(key, 0) + number
        yield _gauge(
            "zpack_containers",
            "Containers at the latest look at the cluster, by power.",
            ["power"],
            {(power,): number for power, number in powers.items()},
        )
        if self._counts is not None:
            yield from _families(self._counts)


def _families(counts: Counts) -> Iterator[GaugeMetricFamily]:
    operations = {(kind, status): row for kind, status, *row in counts.operations}
    kinds = ["kind", "status"]
    yield _gauge(
        "zpack_operations",
        "Operations under way.",
        kinds,
        {key: number for key, (number, _, _) in operations.items()},
    )
    yield _gauge(
        "zpack_operations_oldest_seconds",
        "Seconds since the oldest operation under way began.",
        kinds,
        {key: age for key, (_, age, _) in operations.items()},
    )
    yield _gauge(
        "zpack_operations_stalest_seconds",
        "Seconds since an operation under way last moved, at most.",
        kinds,
        {key: idle for key, (_, _, idle) in operations.items()},
    )
    yield _gauge(
        "zpack_servers",
        "Servers, by type and state at the edge.",
        ["container_type", "edge"],
        {(ctype, edge): number for ctype, edge, number in counts.servers},
    )
    yield _gauge(
        "zpack_queue_waiting",
        "Entries of a queue that nothing was done about yet.",
        ["queue"],
        {(name,): number for name, number, _ in counts.queues},
    )
    yield _gauge(
        "zpack_queue_oldest_seconds",
        "Seconds that the oldest of them waits.",
        ["queue"],
        {(name,): age for name, _, age in counts.queues},
    )
    yield _gauge("zpack_workers", "Workers that are believed alive.", [], {(): counts.workers})
    yield _gauge("zpack_shards_held", "Shards of the servers that a worker holds.", [], {(): counts.shards})


def _gauge(
    name: str, about: str, labels: list[str], values: dict[tuple[str, ...], float]
) -> GaugeMetricFamily:
    found = GaugeMetricFamily(name, about, labels=labels)
    for key, value in values.items():
        found.add_metric(list(key), value)
    return found
