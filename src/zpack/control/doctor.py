"""Reaches every configured system and says what is wrong, one line each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zpack.control.settings import Settings
    from zpack.control.wiring import Clients

SECONDS = 5.0


async def examine(settings: Settings, clients: Clients) -> dict[str, str | None]:
    """Return each system's complaint, or None when it is well."""
    checks: dict[str, Callable[[], Awaitable[Any]]] = {
        "database": clients.database.ping,
        "proxmox": lambda: clients.proxmox.version(Budget.seconds(SECONDS)),
        "edge": clients.velocity.backends,
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
