"""What asks each system that is configured whether it works: for ``doctor`` and for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.fleet.health import Health
from zpack.control.publishing.links import KNOWN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zpack.control.outside.proxmox import Proxmox
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients

SECONDS = 3.0
LOG_ONLY = "console"
"""The road of mail that leads nowhere."""


def build_checks(
    settings: Settings, clients: Clients, *, seconds: float
) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Return a check of each system that is configured; each raises when it does not work."""
    checks: dict[str, Callable[[], Awaitable[Any]]] = {
        "database": clients.database.ping,
        "proxmox": lambda: _can_change(clients.proxmox, seconds),
        **{link.name: link.check for link in clients.links},
        "artifacts": clients.artifacts.game_catalog,
        **{f"mail by {road.name}": road.check for road in clients.mail},
    }
    if settings.billing_on:
        checks["stripe"] = clients.stripe.ping
    if clients.prometheus.is_set:
        checks["prometheus"] = lambda: clients.prometheus.ping(Budget.seconds(seconds))
    if settings.redis_url is not None:
        checks["redis"] = clients.redis.ping
    return checks


def build_health(settings: Settings, clients: Clients) -> Health:
    """Construct the health of every system there may be."""
    found = build_checks(settings, clients, seconds=SECONDS)
    mail = [name for name in found if name.startswith("mail by ") and not name.endswith(LOG_ONLY)]
    names = ("database", "redis", "proxmox", *KNOWN, "artifacts", "stripe", *(mail or ["mail"]), "prometheus")
    checks = {name: found.get(name) for name in names}
    checks["redis"] = clients.redis.ping  # also where it is part of this process
    checks["modrinth"] = lambda: clients.modrinth.ping(Budget.seconds(SECONDS))
    return Health(checks=checks, seconds=SECONDS)


async def _can_change(proxmox: Proxmox, seconds: float) -> None:
    """Prove that we are let in, and that the cluster can be changed. Raises ForeignError."""
    budget = Budget.seconds(seconds)
    await proxmox.version(budget)
    if not await proxmox.ping(budget):
        raise ForeignError("the cluster has no quorum: nothing can be changed", transient=True)
