"""Every link, every fault, publish and unpublish: record and world become one again, and nobody is told less."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.publishing.ground import HERE, THERE, ground
from tests.control.publishing.rigs import ANSWERS, RIGS
from tests.support.faulty_road import FAULTS
from zpack.control.engine.errors import ForeignError
from zpack.control.instances import store
from zpack.control.publishing.outcomes import entries_of
from zpack.control.status.merge import link_evidence

if TYPE_CHECKING:
    from tests.control.publishing.ground import Ground

__all__ = ["ground"]
SOUND = {"slow"}
"""Faults that nobody notices."""


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
    mine = ground.mine
    listed, rows = await mine.link.listed(), await mine.rows()
    gap = mine.gap(rows, listed)
    assert len(gap.put) == 40
    ground.road.break_("error")
    ground.wait()
    before = ground.road.calls
    with pytest.raises(ForeignError):
        await mine.close(gap, {})
    assert ground.road.calls - before <= 4 * 8
