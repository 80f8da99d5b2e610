"""One link with its counterpart, a server that wants it, and the product's own parts around them.

Beside the link stands one that is always well: it must never be held up or hidden.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from tests.control.publishing.rigs import NAMES, RIGS, Rig, well_proxy
from zpack.control.db.tables import PublicPort
from zpack.control.engine.errors import ForeignError
from zpack.control.instances import store
from zpack.control.publishing.rounds import Rhythm
from zpack.control.publishing.traefik import TraefikLink
from zpack.control.wiring import build_clients, build_publishing, build_stores
from zpack.control.wiring.edge import build_link_reconcilers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from tests.support.faulty_road import Road
    from zpack.control.publishing.actions import Publishing
    from zpack.control.publishing.models import Place
    from zpack.control.publishing.reconciler import LinkReconciler
    from zpack.control.settings import Settings
    from zpack.control.wiring import Clients

HERE, THERE = "10.0.0.5", "10.0.0.6"
IMPATIENT, PATIENT = 0.4, 14.0
AT_ONCE = Rhythm(every=1, listing=0, at_once=4, pause=0)


@dataclass
class Names:
    """A link that is always well, and remembers what it holds."""

    name: str
    held: dict[str, str] = field(default_factory=dict[str, str])

    def wants(self, place: Place) -> bool:
        return place.ctype == "game"

    async def put(self, place: Place) -> dict[str, Any]:
        self.held[place.hostname] = place.ip
        return {"names": [place.fqdn]}

    async def drop(self, place: Place) -> dict[str, Any]:
        self.held.pop(place.hostname, None)
        return {}

    async def listed(self) -> Mapping[str, str]:
        return dict(self.held)

    def wanted(self, place: Place) -> str:
        return place.ip

    async def check(self) -> None:
        """Be well."""

    async def close(self) -> None:
        """Have nothing to close."""


@dataclass(frozen=True)
class Ground:
    """One link with its counterpart, a server that wants it, and the product's own parts around them."""

    rig: Rig
    road: Road
    held: Callable[[], dict[str, str]]
    names: Names
    settings: Settings
    clients: Clients
    publishing: Publishing
    reconcilers: tuple[LinkReconciler, ...]
    patch: pytest.MonkeyPatch

    @property
    def mine(self) -> LinkReconciler:
        """Return the reconciler of the link under test."""
        return next(one for one in self.reconcilers if one.link.name == self.rig.link)

    @property
    def hostname(self) -> str:
        return NAMES[self.rig.game]

    async def edge(self) -> dict[str, Any]:
        async with self.clients.database.transaction() as session:
            row = await store.find(session, 5000)
        assert row is not None
        return row.payload["edge"]

    async def attempt(self, *, on: bool) -> dict[str, Any]:
        """Publish or unpublish as a workflow does, whatever comes of it; return the record."""
        self.wait()
        with suppress(ForeignError):
            if on:
                await self.publishing.publish(vmid=5000)
            else:
                await self.publishing.unpublish(vmid=5000, hostname=self.hostname)
        return await self.edge()

    def wait(self) -> None:
        """Let links wait for long where something comes, and not where nothing will."""
        seconds = PATIENT if self.road.sound else IMPATIENT
        for constant in self.rig.patience:
            self.patch.setattr(constant, seconds)
        for one in self.clients.links:
            if isinstance(one, TraefikLink):
                one._seconds = seconds

    async def settle(self) -> dict[str, Any]:
        """Let every reconciler come round, twice."""
        self.road.mend()
        self.wait()
        for _ in range(2):
            for reconciler in self.reconcilers:
                await reconciler.tick()
        async with self.clients.database.transaction() as session:
            row = await store.find(session, 5000)
        return row.payload.get("edge", {}) if row else {}


@pytest.fixture(params=RIGS, ids=lambda rig: rig.id)
async def ground(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ground]:
    rig: Rig = request.param
    async with rig.serve(settings, tmp_path) as (road, held, told), well_proxy() as well:
        theirs = type(settings).model_validate(settings.model_dump() | well | told)
        made = build_clients(theirs, FakeAsyncRedis(server=FakeServer(), decode_responses=True))
        names = Names("technitium" if rig.link == "rfc2136" else "rfc2136")
        clients = replace(made, links=(*made.links, names))
        publishing, stores = build_publishing(theirs, clients), build_stores(clients)
        found = build_link_reconcilers(theirs, clients, stores, publishing=publishing, alone=lambda: True)
        for one in found:
            one.rhythm = AT_ONCE
        await a_server(clients, rig)
        yield Ground(rig, road, held, names, theirs, clients, publishing, found, monkeypatch)
        await clients.close()


async def a_server(clients: Clients, rig: Rig) -> None:
    async with clients.database.transaction() as session:
        await store.insert_instance(
            session, vmid=5000, customer_id=None, ctype="game", hostname=NAMES[rig.game], ip=HERE,
            allocated_ports=rig.ports, payload={"game": rig.game}, agent_state="running",
        )  # fmt: skip
        for target, number in rig.ports.get("public", {}).items():
            taken = {"protocol": "udp", "number": number, "target": int(target)}
            session.add(PublicPort(**taken, vmid=5000, operation_id="op_made"))
