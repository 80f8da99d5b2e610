"""Reaches every configured system and says what is wrong, one line each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zpack.control.outside.proxmox import Proxmox
    from zpack.control.settings import Settings
    from zpack.control.wiring import Clients

SECONDS = 5.0
_EDGE = {"velocity": "edge"}
"""The one link that every platform has goes by the name of its place."""


async def _can_change(proxmox: Proxmox) -> None:
    """Prove that we are let in, and that the cluster can be changed. Raises ForeignError."""
    budget = Budget.seconds(SECONDS)
    await proxmox.version(budget)
    if not await proxmox.ping(budget):
        raise ForeignError("the cluster has no quorum: nothing can be changed", transient=True)


async def examine(settings: Settings, clients: Clients) -> dict[str, str | None]:
    """Return each system's complaint, or None when it is well."""
    checks: dict[str, Callable[[], Awaitable[Any]]] = {
        "database": clients.database.ping,
        "proxmox": lambda: _can_change(clients.proxmox),
        **{_EDGE.get(link.name, link.name): link.check for link in clients.links},
        "artifacts": clients.artifacts.game_catalog,
        **{f"mail by {road.name}": road.check for road in clients.mail},
    }
    if settings.billing_on:
        checks["stripe"] = clients.stripe.ping
    if clients.prometheus.is_set:
        checks["prometheus"] = lambda: clients.prometheus.ping(Budget.seconds(SECONDS))
    if settings.redis_url is not None:
        checks["redis"] = clients.redis.ping
    found: dict[str, str | None] = {}
    for name, check in checks.items():
        try:
            async with asyncio.timeout(2 * SECONDS):
                await check()
        except Exception as failure:  # noqa: BLE001 - whatever is wrong is what we were asked for
            found[name] = f"{type(failure).__name__}: {failure}".splitlines()[0][:300]
        else:
            found[name] = None
    return found
