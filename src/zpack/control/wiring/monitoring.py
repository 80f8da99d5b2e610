"""Constructs what watches: the page of figures, discovery, charts, traces."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zpack.control.engine.tracing import trace_with
from zpack.control.hosts.store import HostStates
from zpack.control.monitoring.actions import Discovery, History
from zpack.control.monitoring.page import Page
from zpack.control.monitoring.poller import PlayerCounts
from zpack.control.wiring.clients import build_stores

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from zpack.control.instances.actions import Instances
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients

VERSION = "0.1.0"


def build_page(clients: Clients, *, platform: bool) -> Page:
    """Construct the page of figures of one process."""
    return Page(database=clients.database, hosts=HostStates(redis=clients.redis), platform=platform)


def build_monitoring(settings: Settings, clients: Clients, instances: Instances) -> dict[str, Any]:
    """Construct what is behind the routes."""
    return {
        "discovery": Discovery(
            database=clients.database,
            excluded=settings.sd_excluded,
            port=settings.collector_port,
            bridges={"game": settings.bridge, "dev": settings.dev_bridge},
        ),
        "history": History(
            database=clients.database,
            instances=instances,
            prometheus=clients.prometheus,
            proxmox=clients.proxmox,
        ),
        "metrics_page": build_page(clients, platform=True),
        "discovery_token": _shown(settings.prom_sd_token),
        "metrics_token": metrics_token(settings),
    }


def player_counts(clients: Clients, *, alone: Callable[[], bool]) -> PlayerCounts:
    """Construct what writes down how many play."""
    return PlayerCounts(database=clients.database, words=build_stores(clients).words, alone=alone)


def metrics_token(settings: Settings) -> str | None:
    """Return the bearer of ``/metrics``: its own, or discovery's, for Prometheus holds that one anyway."""
    return _shown(settings.metrics_token or settings.prom_sd_token)


def begin_tracing(settings: Settings, program: str) -> Callable[[], None]:
    """Trace from now on if a collector is set; return what sends the rest at the end, and may block."""
    if settings.otlp_endpoint is None:
        return _nothing
    # By name: a process that is not traced need not load the exporter and its protocol.
    tracer = importlib.import_module("zpack.control.outside.otlp").OtlpTracer(
        service=f"zpack-{program}", version=VERSION
    )
    trace_with(tracer)
    return tracer.close


def _nothing() -> None:
    """Send nothing: nothing was traced."""


def _shown(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None
