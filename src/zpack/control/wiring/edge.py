"""Constructs what keeps the links of publishing right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.periodic import Periodic
from zpack.control.publishing.listing import ProxyList
from zpack.control.publishing.places import Places
from zpack.control.publishing.reconciler import LinkReconciler, Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.publishing.actions import Publishing
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients, Stores

PACES = {
    "cloudflare": Pace(every=10, listing=600, at_once=4, pause=10),
    "technitium": Pace(every=10, listing=120, at_once=4, pause=5),
    "rfc2136": Pace(every=10, listing=120, at_once=4, pause=5),
    "traefik": Pace(every=5, listing=30, at_once=16, pause=5),
    "opnsense": Pace(every=10, listing=120, at_once=1, pause=5),
}
AT_ONCE = 16
"""Registrations at once at the game proxy, which is ours and near."""


def build_places(settings: Settings) -> Places:
    """Construct what names servers."""
    return Places(domain=settings.game_domain)


def build_link_reconcilers(
    settings: Settings,
    clients: Clients,
    stores: Stores,
    *,
    publishing: Publishing,
    alone: Callable[[], bool],
) -> tuple[LinkReconciler, ...]:
    """Construct what keeps each link right."""
    paces = PACES | {"velocity": Pace(every=settings.edge_seconds, listing=0, at_once=AT_ONCE, pause=0)}
    watched = ProxyList(registrations=stores.registrations, changes=stores.changes)
    return tuple(
        LinkReconciler(
            database=clients.database,
            link=link,
            publishing=publishing,
            places=build_places(settings),
            pace=paces[link.name],
            alone=alone,
            watcher=watched if link.name == "velocity" else None,
        )
        for link in clients.links
    )


def link_periodics(reconcilers: tuple[LinkReconciler, ...]) -> tuple[Periodic, ...]:
    """Give each its rhythm; after failures later, so that a system that comes back is not run down."""
    return tuple(
        Periodic(name=f"edge-{one.link.name}", every=one.pace.every, tick=one.tick, cap=_cap(one.pace))
        for one in reconcilers
    )


def _cap(pace: Pace) -> float:
    return pace.every if pace.listing == 0 else 120.0
