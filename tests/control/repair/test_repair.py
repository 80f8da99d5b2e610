"""What is found, what is mended by itself, and what is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.control.provisioning.world import request_for, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.control.repair.mender import Mender

ORPHAN = "container_without_row:5001"
LOST = "row_without_container:5000"


async def test_a_world_that_is_well_has_no_drift(mender: Mender) -> None:
    await mender.look(3)
    assert await mender.states() == {}


async def test_a_stuck_create_is_undone_and_its_number_freed(mender: Mender) -> None:
    operation = await mender.stuck_create(5002)
    await mender.look()
    assert 5002 in mender.world.cluster.ours(), "one look is not enough"
    await mender.look(2)
    left = await mender.world.left()
    assert (left["containers"], left["reserved"]) == ([5000, 5001], [])
    assert await mender.rows(f"select status, error ->> 'code' from operations where id = '{operation}'") == [
        ("failed", "stuck")
    ]
    assert await mender.events(f"operation_stuck:{operation}") == [
        "found", "repair_began", "repaired", "healed",
    ]  # fmt: skip


async def test_each_repair_is_in_the_audit(mender: Mender) -> None:
    await mender.stuck_create(5002)
    await mender.look(2)
    told = await mender.rows("select action from audit_log where actor = 'system:repair' order by id")
    assert [row[0] for row in told] == ["repair.repair_began", "operation.end", "repair.repaired"]


async def test_a_key_without_its_operation_is_given_back(mender: Mender) -> None:
    await mender.world.stores.running.hold(5000, {"id": "op_gone"})
    await mender.look(2)
    assert await mender.world.stores.running.get_one(5000) is None


async def test_what_may_only_be_observed_is_only_observed(mender: Mender) -> None:
    await mender.forget_row(5001)
    mender.lose(5000)
    mender.forget_calls()
    await mender.look(4)
    assert await mender.states() == {ORPHAN: "open", LOST: "open"}
    assert mender.changes() == []


async def test_at_the_highest_level_leftovers_go(mender: Mender) -> None:
    await mender.forget_row(5001)
    await mender.look(3, repair_level=3)
    assert mender.world.cluster.ours() == [5000]
    assert await mender.states() == {ORPHAN: "healed"}


async def test_a_dry_run_writes_down_and_touches_nothing(mender: Mender) -> None:
    await mender.forget_row(5001)
    mender.forget_calls()
    await mender.look(3, repair_level=3, repair_dry_run=True)
    assert mender.changes() == []
    assert "would_repair" in await mender.events(ORPHAN)


async def test_a_silent_agent_has_its_host_restarted_behind_the_switch(mender: Mender) -> None:
    mender.world.scripts.manner[5000] = "unwell"
    await mender.world.words.remove(5000)
    await mender.look(3)
    assert await mender.rows("select kind from operations where kind like 'host-%'") == []
    await mender.look(1, repair_level=2)
    assert await mender.rows("select kind from operations where kind like 'host-%'") == [("host-restart",)]


async def test_an_offline_node_proves_nothing_about_its_guests(mender: Mender) -> None:
    mender.world.cluster.add_node("pve2")
    mender.world.cluster.nodes["pve2"]["online"] = False
    mender.lose(5000)
    await mender.look(4, repair_level=3)
    assert await mender.states() == {}
    assert (await mender.world.left())["rows"] == [5000, 5001]


async def test_a_cluster_that_is_away_neither_finds_nor_heals(mender: Mender) -> None:
    mender.lose(5000)
    await mender.look(2)
    mender.world.cluster.nodes["local"]["online"] = False
    await mender.look(2, repair_level=3)
    assert await mender.states() == {LOST: "open"}


async def test_when_half_the_fleet_is_missing_nothing_is_touched(mender: Mender) -> None:
    for vmid in (5002, 5003):
        await mender.world.created(vmid)
    for vmid in (5000, 5001, 5002):
        mender.lose(vmid)
    await mender.look(4, repair_level=3)
    assert (await mender.world.left())["rows"] == [5000, 5001, 5002, 5003]
    assert await mender.events("mass_event:cluster") == ["found"]


async def test_when_the_record_is_old_nothing_is_deleted(mender: Mender) -> None:
    await mender.world.created(5002)
    for vmid in (5000, 5001, 5002):
        await mender.forget_row(vmid)
    await mender.look(4, repair_level=3)
    assert mender.world.cluster.ours() == [5000, 5001, 5002]
    assert await mender.events("mass_event:record") == ["found"]


async def test_no_more_than_so_many_in_a_minute(mender: Mender) -> None:
    for vmid in (5002, 5003, 5004):
        await mender.stuck_create(vmid)
    await mender.look(4, repair_per_minute=2)
    assert len(await mender.rows("select id from operations where status = 'failed'")) == 2


async def test_a_repair_that_fails_waits_longer_and_tells_once(mender: Mender) -> None:
    await mender.stuck_create(5002)
    mender.world.edge.refuse = 500
    await mender.look(5)
    assert (await mender.events("operation_stuck:op_stuck5002")).count("repair_began") == 1
    due = "update repair_findings set next_try = now() returning attempts"
    assert await mender.rows(due) == [(1,)]
    await mender.look(2)
    told = await mender.rows("select count(*) from repair_events where notice like '%failed'")
    assert told == [(1,)]


async def test_what_comes_and_goes_is_one_event(mender: Mender) -> None:
    await mender.look()
    place = mender.world.edge.servers.pop("mc-flying-squid-5000")
    for _ in range(3):
        await mender.look()
        mender.world.edge.servers["mc-flying-squid-5000"] = place
        await mender.look()
        mender.world.edge.servers.pop("mc-flying-squid-5000")
    told = await mender.events("registration_missing:velocity:mc-flying-squid-5000")
    assert [event for event in told if not event.startswith("repair")] == ["found", "healed"]


async def test_nothing_foreign_is_ever_a_finding(mender: Mender) -> None:
    mender.world.cluster.add_ct(5500, "somebody-s", node="local")
    mender.world.cluster.add_ct(
        7000, "far", node="local", config={"description": "zpack operation=x owner=y"}
    )
    await mender.look(3, repair_level=3)
    assert await mender.states() == {}
    assert {5500, 7000} <= set(mender.world.cluster.ours())


async def test_a_create_that_runs_is_no_leftover(mender: Mender) -> None:
    state = request_for(5002, "op_young")
    await run(mender.world.create[:4], state)
    await mender.look(3, repair_level=3)
    assert await mender.states() == {}


@pytest.mark.parametrize("level", [0])
async def test_at_level_0_nothing_is_mended(mender: Mender, level: int) -> None:
    await mender.stuck_create(5002)
    await mender.look(3, repair_level=level)
    assert 5002 in mender.world.cluster.ours()


async def test_a_repair_killed_in_the_middle_is_finished_by_the_next(mender: Mender, tmp_path: Path) -> None:
    operation = await mender.stuck_create(5002)
    assert await mender.killed_while_mending("clone-container", tmp_path) == -9
    left = await mender.rows(f"select status from operations where id = '{operation}'")
    assert (left, 5002 in mender.world.cluster.ours()) == ([("running",)], True)
    await mender.rows("update repair_findings set next_try = now() returning id")
    await mender.look(2)
    assert (await mender.world.left())["containers"] == [5000, 5001]
    assert await mender.events(f"operation_stuck:{operation}") == [
        "found", "repair_began", "repair_began", "repaired", "healed",
    ]  # fmt: skip
