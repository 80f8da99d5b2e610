"""The real delete workflow: repeated, interrupted at every step, and kept off what is not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.control.provisioning.world import NOTHING, World, run
from zpack.control.provisioning.removal import NotOurs

if TYPE_CHECKING:
    from zpack.control.engine.steps import State

NAMES = ("archive-instance", "unpublish-edge", "delete-container", "remove-instance")


def state_of(vmid: int = 5000) -> State:
    return {
        "vmid": vmid,
        "hostname": f"mc-flying-squid-{vmid}",
        "operation_id": "op_delete",
        "customer_id": "u-ada",
    }


async def archived(world: World) -> list[Any]:
    async with world.clients.database.transaction() as session:
        found = await session.execute(
            text("select vmid, hostname, game, variant, ip, reason from deleted_instances")
        )
        return [tuple(row) for row in found]


@pytest.mark.parametrize("repeat", [False, True])
@pytest.mark.seed("S10")
async def test_a_delete_leaves_an_archive_row_and_nothing_else(world: World, repeat: bool) -> None:
    await world.created(5000)
    await run(world.delete, state_of(), repeat=repeat)
    assert await world.left() == NOTHING
    assert await archived(world) == [
        (5000, "mc-flying-squid-5000", "minecraft", "flying-squid", "127.82.19.136", "api_delete")
    ]


@pytest.mark.parametrize("done", range(1, len(NAMES) + 1), ids=NAMES)
async def test_a_delete_begun_again_from_its_start_completes(world: World, done: int) -> None:
    await world.created(5000)
    await run(world.delete[:done], state_of())
    await run(world.delete, state_of())
    assert await world.left() == NOTHING
    assert len(await archived(world)) == 1


async def test_only_the_asked_server_goes(world: World) -> None:
    for vmid in (5000, 5001):
        await world.created(vmid)
    await run(world.delete, state_of(5000))
    left = await world.left()
    assert (left["containers"], left["rows"], left["registered"]) == (
        [5001],
        [5001],
        ["mc-flying-squid-5001"],
    )


async def test_a_container_that_is_gone_already_is_no_obstacle(world: World) -> None:
    await world.created(5000)
    world.cluster.cts.remove(world.cluster.ct(5000))
    await run(world.delete, state_of())
    assert await world.left() == NOTHING


async def test_a_container_on_another_node_is_found(world: World) -> None:
    await world.created(5000)
    world.cluster.ct(5000).node = "pve9"
    world.cluster.nodes["pve9"] = {"online": True}
    await run(world.delete, state_of())
    assert await world.left() == NOTHING


async def test_a_container_without_our_mark_is_left_alone(world: World) -> None:
    world.cluster.add_ct(5000, "precious", node="local", status="running")
    with pytest.raises(NotOurs):
        await run(world.delete, state_of())
    assert world.cluster.ct(5000).status == "running"


async def test_a_mark_outside_our_ranges_protects_nothing_of_ours(world: World) -> None:
    world.cluster.add_ct(9001, "router", node="local", status="running", config={"tags": "zpack"})
    with pytest.raises(NotOurs):
        await run(world.delete, state_of(9001))
    assert world.cluster.ct(9001).status == "running"
