"""Constructs what keeps the links of publishing right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.budget import Budget
from zpack.control.engine.periodic import Periodic
from zpack.control.instances.models import is_ours
from zpack.control.publishing.drift import Drift
from zpack.control.publishing.listing import ProxyList
from zpack.control.publishing.names import LOT
from zpack.control.publishing.operators import Operators
from zpack.control.publishing.places import Places
from zpack.control.publishing.reconciler import LinkReconciler
from zpack.control.publishing.rounds import Rhythm
from zpack.control.repair.removals import Removals

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.publishing.actions import Publishing
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients, Stores

RHYTHMS = {
    "cloudflare": Rhythm(every=10, listing=600, at_once=LOT, pause=10),
    "technitium": Rhythm(every=10, listing=120, at_once=LOT, pause=5),
    "rfc2136": Rhythm(every=10, listing=120, at_once=LOT, pause=5),
    "traefik": Rhythm(every=5, listing=30, at_once=16, pause=5),
    "opnsense": Rhythm(every=10, listing=120, at_once=16, pause=5),
}
CLUSTER_SECONDS = 10.0
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
    rhythms = RHYTHMS | {"velocity": Rhythm(every=settings.edge_seconds, listing=0, at_once=AT_ONCE, pause=0)}
    watched = ProxyList(registrations=stores.registrations, changes=stores.changes)
    return tuple(
        LinkReconciler(
            database=clients.database,
            link=link,
            publishing=publishing,
            places=build_places(settings),
            rhythm=rhythms[link.name],
            ledger=Removals(database=clients.database),
            alone=alone,
            watcher=watched if link.name == "velocity" else None,
        )
        for link in clients.links
    )


def build_operators(settings: Settings, clients: Clients, publishing: Publishing) -> Operators:
    """Construct what administrators do with the edge."""
    return Operators(
        database=clients.database,
        publishing=publishing,
        links=clients.links,
        places=build_places(settings),
    )


def build_drift(settings: Settings, clients: Clients, stores: Stores, publishing: Publishing) -> Drift:
    """Construct the comparison; it is nobody's rhythm, so it is made wherever it is asked for."""

    async def containers() -> dict[int, str]:
        guests = await clients.proxmox.guests(Budget.seconds(CLUSTER_SECONDS))
        return {vmid: guest.name for vmid, guest in guests.items() if is_ours(vmid) and not guest.template}

    reconcilers = build_link_reconcilers(settings, clients, stores, publishing=publishing, alone=lambda: True)
    return Drift(database=clients.database, reconcilers=reconcilers, containers=containers)


def link_periodics(reconcilers: tuple[LinkReconciler, ...]) -> tuple[Periodic, ...]:
    """Give each its rhythm; after failures later, so that a system that comes back is not run down."""
    return tuple(
        Periodic(name=f"edge-{one.link.name}", every=one.rhythm.every, tick=one.tick, cap=_cap(one.rhythm))
        for one in reconcilers
    )


def _cap(rhythm: Rhythm) -> float:
    return rhythm.every if rhythm.listing == 0 else 120.0
