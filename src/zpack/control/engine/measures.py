"""What a process counts about itself, in the form that Prometheus reads: every series is declared here.

Labels come from our own words alone: route templates, names of steps, of reconcilers, of foreign systems. A
server's id, an address or anything a caller wrote is never one, so that the number of series is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

disable_created_metrics()
REGISTRY = CollectorRegistry(auto_describe=False)
"""Everything that this process counts."""

FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SLOW = (0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 900)
STALLS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
UNROUTED = "(none)"
"""The route of a request that met none."""

REQUESTS = Counter(
    "zpack_http_requests",
    "Requests answered, by route template.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "zpack_http_request_seconds",
    "Seconds until the answer began.",
    ["method", "route"],
    registry=REGISTRY,
    buckets=FAST,
)
ANSWERS_OPEN = Gauge(
    "zpack_http_answers_open",
    "Answers that have begun and not ended: downloads, event streams, sockets.",
    ["route"],
    registry=REGISTRY,
)
STREAMS_OPEN = Gauge(
    "zpack_streams_open", "Long-lived channels to people, by kind.", ["kind"], registry=REGISTRY
)
WORKFLOWS = Counter(
    "zpack_workflow_runs", "Workflows that ended, by outcome.", ["workflow", "outcome"], registry=REGISTRY
)
WORKFLOW_SECONDS = Histogram(
    "zpack_workflow_seconds",
    "Seconds from the begin of a workflow's run to its end.",
    ["workflow", "outcome"],
    registry=REGISTRY,
    buckets=SLOW,
)
STEP_SECONDS = Histogram(
    "zpack_workflow_step_seconds",
    "Seconds of one step, its retries included.",
    ["workflow", "step", "outcome"],
    registry=REGISTRY,
    buckets=SLOW,
)
STEP_RETRIES = Counter(
    "zpack_workflow_step_retries",
    "Further tries of a step after a transient failure.",
    ["workflow", "step"],
    registry=REGISTRY,
)
RECONCILER_RUNS = Counter(
    "zpack_reconciler_runs", "Rounds of a reconciler or poller.", ["reconciler", "outcome"], registry=REGISTRY
)
RECONCILER_SECONDS = Histogram(
    "zpack_reconciler_seconds", "Seconds of one round.", ["reconciler"], registry=REGISTRY, buckets=FAST
)
RECONCILER_SUCCESS = Gauge(
    "zpack_reconciler_last_success_timestamp_seconds",
    "When the last round ended well.",
    ["reconciler"],
    registry=REGISTRY,
)
RECONCILER_EVERY = Gauge(
    "zpack_reconciler_interval_seconds",
    "Seconds between two rounds while all is well.",
    ["reconciler"],
    registry=REGISTRY,
)
FOREIGN_CALLS = Counter(
    "zpack_foreign_calls", "Calls to foreign systems, by outcome.", ["system", "outcome"], registry=REGISTRY
)
FOREIGN_SECONDS = Histogram(
    "zpack_foreign_call_seconds",
    "Seconds of one call to a foreign system.",
    ["system"],
    registry=REGISTRY,
    buckets=FAST,
)
FOREIGN_UP = Gauge(
    "zpack_foreign_up",
    "Whether the latest call to a foreign system was answered below 500.",
    ["system"],
    registry=REGISTRY,
)
POLLS = Counter("zpack_heartbeat_polls", "Polls of agents, by outcome.", ["outcome"], registry=REGISTRY)
POLL_SECONDS = Histogram(
    "zpack_heartbeat_poll_seconds", "Seconds of one agent's poll.", registry=REGISTRY, buckets=FAST
)
POLL_LATENESS = Histogram(
    "zpack_heartbeat_lateness_seconds",
    "Seconds between the moment a poll was due and its begin.",
    registry=REGISTRY,
    buckets=STALLS,
)
LOOP_LAG = Histogram(
    "zpack_event_loop_lag_seconds",
    "Seconds by which a timer of the event loop was late.",
    registry=REGISTRY,
    buckets=STALLS,
)


class Passed:
    """Bytes that passed one way; a plain number, for it is added to with every piece."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0


class _PassedBytes(Collector):
    """Shows them as one counter."""

    def __init__(self, ways: dict[tuple[str, str], Passed]) -> None:
        self._ways = ways

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the counter."""
        found = CounterMetricFamily(
            "zpack_relayed_bytes",
            "Bytes relayed between people and containers.",
            labels=["relay", "direction"],
        )
        for way, passed in self._ways.items():
            found.add_metric(way, passed.size)
        yield found


RELAYED = {(relay, way): Passed() for relay in ("http", "socket", "splice") for way in ("in", "out")}
"""``http``: files and pages; ``socket``: consoles; ``splice``: the IDE's sockets. ``in`` is from people."""
REGISTRY.register(_PassedBytes(RELAYED))
ProcessCollector(registry=REGISTRY)
