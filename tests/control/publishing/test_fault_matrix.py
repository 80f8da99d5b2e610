"""Every link, every fault, publish and unpublish: record and world become one again, and nobody is told less.

Beside the link under test stands one that is always well: it must never be held up or hidden.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from tests.control.publishing.rigs import ANSWERS, NAMES, RIGS, Rig, well_proxy
from tests.support.faulty_road import FAULTS, Road
from zpack.control.db.tables import PublicPort
from zpack.control.engine.errors import ForeignError
from zpack.control.instances import store
from zpack.control.publishing.outcomes import entries_of
from zpack.control.publishing.reconciler import LinkReconciler, Pace
from zpack.control.publishing.traefik import TraefikLink
from zpack.control.status.merge import link_evidence
from zpack.control.wiring import build_clients, build_publishing, build_stores
from zpack.control.wiring.edge import build_link_reconcilers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from zpack.control.publishing.actions import Publishing
    from zpack.control.publishing.models import Place
    from zpack.control.settings import Settings
    from zpack.control.wiring import Clients

HERE, THERE = "10.0.0.5", "10.0.0.6"
SOUND = {"slow"}
"""Faults that nobody notices."""
IMPATIENT, PATIENT = 0.4, 14.0
AT_ONCE = Pace(every=1, listing=0, at_once=4, pause=0)


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
    clients: Clients
    publishing: Publishing
    reconcilers: tuple[LinkReconciler, ...]
    patch: pytest.MonkeyPatch

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
        return row.payload["edge"] if row else {}


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
            one.pace = AT_ONCE
        await a_server(clients, rig)
        yield Ground(rig, road, held, names, clients, publishing, found, monkeypatch)
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


def says_which_is_broken(ground: Ground, edge: dict[str, Any]) -> None:
    entry = entries_of(edge)[ground.rig.link]
    assert (entry["state"], entry["attempts"]) == ("failed", 1), edge
    assert entry["code"].startswith("link_")
    assert entry["since"] == entry["at"]
    assert edge["error"].startswith(f"{ground.rig.link}: ")
    assert [one["source"] for one in link_evidence(edge)] == [ground.rig.link]


def is_unverified(ground: Ground, edge: dict[str, Any]) -> bool:
    """Say whether the record admits that nobody looked."""
    return entries_of(edge)[ground.rig.link].get("verified") is False


@pytest.mark.seed("S29", "S30", "S31")
@pytest.mark.parametrize("ground", [*RIGS, ANSWERS], ids=lambda rig: rig.id, indirect=True)
@pytest.mark.parametrize("fault", FAULTS)
async def test_record_and_world_become_one_again(ground: Ground, fault: str) -> None:
    await publishing_converges(ground, fault)
    await unpublishing_converges(ground, fault)


async def publishing_converges(ground: Ground, fault: str) -> None:
    ground.road.break_(fault)
    edge = await ground.attempt(on=True)
    right = ground.rig.leads(HERE)
    assert ground.names.held == {ground.hostname: HERE}, "a broken link held up another"
    assert entries_of(edge)[ground.names.name]["state"] == "published"
    if edge["state"] == "published":
        assert ground.held().items() >= right.items() or is_unverified(ground, edge)
    else:
        assert fault not in SOUND
        says_which_is_broken(ground, edge)
    edge = await ground.settle()
    assert (edge["state"], edge["error"], ground.held()) == ("published", None, right)


async def unpublishing_converges(ground: Ground, fault: str) -> None:
    ground.road.break_(fault)
    edge = await ground.attempt(on=False)
    assert (edge["state"], ground.names.held) == ("unpublished", {})
    if edge["error"] is not None:
        says_which_is_broken(ground, edge)
    else:
        assert ground.held() == {} or is_unverified(ground, edge)
    edge = await ground.settle()
    assert (edge["state"], edge["error"], ground.held()) == ("unpublished", None, {})


@pytest.mark.parametrize("fault", ["error", "lost"])
async def test_what_a_deleted_server_left_is_found(ground: Ground, fault: str) -> None:
    await ground.attempt(on=True)
    ground.road.break_(fault)
    await ground.attempt(on=False)
    async with ground.clients.database.transaction() as session:
        await store.delete_instance(session, 5000)
    await ground.settle()
    assert (ground.held(), ground.names.held) == ({}, {})


async def test_a_server_that_moved_is_followed(ground: Ground) -> None:
    await ground.attempt(on=True)
    async with ground.clients.database.transaction() as session:
        await store.update_instance(session, 5000, ip=THERE)
    await ground.settle()
    assert ground.held() == ground.rig.leads(THERE)


async def test_a_crash_between_intent_and_outcome_is_finished(ground: Ground) -> None:
    begun = {"state": "pending", "begunAt": "2026-01-01T00:00:00+00:00"}
    await ground.publishing._instances.merge_payload(5000, "edge", begun)
    edge = await ground.settle()
    assert (edge["state"], ground.held()) == ("published", ground.rig.leads(HERE))


async def test_a_suspended_owner_s_doors_are_shut_and_names_stay(ground: Ground) -> None:
    await ground.attempt(on=True)
    await ground.publishing.suspend(vmid=5000, hostname=ground.hostname)
    edge = await ground.settle()
    left = {} if ground.rig.is_door else ground.rig.leads(HERE)
    assert (ground.held(), ground.names.held, edge["state"]) == (left, {ground.hostname: HERE}, "published")
    await ground.publishing.resume(vmid=5000)
    assert (await ground.edge())["state"] == "failed", "it is not reached yet"
    edge = await ground.settle()
    assert (ground.held(), edge["state"]) == (ground.rig.leads(HERE), "published")


async def test_an_outage_is_knocked_on_a_few_times_only(ground: Ground) -> None:
    async with ground.clients.database.transaction() as session:
        for vmid in range(5001, 5041):
            await store.insert_instance(
                session, vmid=vmid, customer_id=None, ctype="game", hostname=f"{ground.rig.game}-{vmid}",
                ip=HERE, allocated_ports=ground.rig.ports, agent_state="running",
                payload={"game": ground.rig.game, "edge": {"state": "published"}},
            )  # fmt: skip
    [mine] = [one for one in ground.reconcilers if one.link.name == ground.rig.link]
    listed, rows = await mine.link.listed(), await mine.rows()
    gap = mine.gap(rows, listed)
    assert len(gap.put) == 40
    ground.road.break_("error")
    ground.wait()
    before = ground.road.calls
    with pytest.raises(ForeignError):
        await mine.close(gap, {})
    assert ground.road.calls - before <= 4 * 8
