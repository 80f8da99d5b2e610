"""The real create workflow against scripted counterparts: repeated, failed and undone at every step."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.provisioning.counterparts import address_of
from tests.control.provisioning.world import NOTHING, World, request_for, run, unwind
from tests.support.waiting import eventually
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.proxmox import Locked
from zpack.control.provisioning.steps import AgentFailed, VmidTaken

if TYPE_CHECKING:
    from zpack.control.engine.steps import State

NAMES = (
    "allocate-vmid", "clone-container", "configure-container", "start-container", "wait-for-ip",
    "build-agent-payload", "send-agent-config", "await-ready", "persist-instance", "publish-edge",
)  # fmt: skip
NEW = "mc-flying-squid-5000"


@pytest.fixture
def state() -> State:
    return request_for(5000, "op_1")


@pytest.mark.seed("S24", "S27", "S29", "S30")
def test_the_phases_have_the_names_of_the_contract(world: World) -> None:
    assert tuple(step.name for step in world.create) == NAMES


@pytest.mark.parametrize("repeat", [False, True])
@pytest.mark.seed("S27", "S29")
async def test_a_create_makes_one_of_everything(world: World, state: State, repeat: bool) -> None:
    await run(world.create, state, repeat=repeat)
    assert await world.left() == {
        "containers": [5000], "rows": [5000], "reserved": [], "registered": [NEW],
    }  # fmt: skip
    assert world.edge.servers[NEW]["address"] == address_of(5000)


async def test_a_new_host_is_known_to_run_before_anybody_looks_again(world: World, state: State) -> None:
    await world.watch.tick()
    await run(world.create, state)
    assert await world.stores.hosts.running([5000]) == {5000}
    await unwind(world.create, state)
    assert await world.stores.hosts.running([5000]) == set()


@pytest.mark.parametrize("done", range(1, len(NAMES) + 1), ids=NAMES)
@pytest.mark.parametrize("undone", [1, 2])
async def test_after_an_undo_from_any_step_nothing_is_left(
    world: World, state: State, done: int, undone: int
) -> None:
    steps = world.create[:done]
    await run(steps, state)
    for _ in range(undone):
        await unwind(steps, state)
    assert await world.left() == NOTHING


@pytest.mark.parametrize("begun", range(1, len(NAMES) + 1), ids=NAMES)
async def test_a_step_that_never_happened_can_be_undone(world: World, state: State, begun: int) -> None:
    await run(world.create[: begun - 1], state)
    await unwind(world.create[:begun], state)
    assert await world.left() == NOTHING


async def test_the_clone_is_marked_from_its_first_moment(world: World, state: State) -> None:
    await run(world.create[:2], state)
    container = world.cluster.ct(5000)
    assert container.config["description"].strip() == "zpack operation=op_1 owner=u-ada"
    await run(world.create[2:3], state)
    assert container.config["tags"] == "zpack"


async def test_the_agent_gets_its_payload_and_a_token_of_its_own(world: World, state: State) -> None:
    await run(world.create, state)
    sent = world.scripts.configured[5000]
    assert sent["artifact_path"] == "minecraft/flying-squid/1.21.4/server.tar.gz"
    assert (sent["container_type"], sent["ports"]) == ("game", [25565])
    assert world.scripts.tokens[5000] == f"Bearer {sent['agent_token']}"


async def test_no_token_is_stored_with_the_row(world: World, state: State) -> None:
    await run(world.create, state)
    assert "agent_token" not in (await world.row(5000)).payload


async def test_a_server_s_quota_is_its_container_s_disk(world: World, state: State) -> None:
    await run(world.create, state)
    assert world.scripts.configured[5000]["disk_mb"] == 1024


@pytest.mark.parametrize("manner", ["error", "refuse"])
async def test_an_agent_that_says_no_ends_the_wait_at_once_with_its_reason(
    world: World, state: State, manner: str
) -> None:
    world.scripts.manner[5000] = manner
    async with asyncio.timeout(60):
        with pytest.raises(AgentFailed, match=r"checksum is wrong|no such engine"):
            await run(world.create, state)


async def interrupted(work: asyncio.Task[Any]) -> None:
    """Cancel what is under way."""
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


@pytest.mark.parametrize("manner", ["never", "garbage", "endless", "hang", "redirect"])
@pytest.mark.seed("S24")
async def test_an_agent_that_is_never_ready_is_waited_for_only_so_long(
    world: World, state: State, manner: str
) -> None:
    world.scripts.manner[5000] = manner
    await run(world.create[:7], state)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await run(world.create[7:8], state)
    assert state["waited_for"]
    await unwind(world.create[:8], state)
    assert await world.left() == NOTHING


async def test_a_container_of_somebody_else_is_never_adopted_nor_removed(world: World, state: State) -> None:
    world.cluster.add_ct(5000, "theirs", node="local")
    with pytest.raises(VmidTaken):
        await run(world.create, state)
    await unwind(world.create, state)
    assert world.cluster.ours() == [5000]


async def test_a_clone_whose_answer_was_lost_is_found_again(world: World, state: State) -> None:
    await run(world.create[:2], state)
    world.cluster.fail("POST", "/clone", 500, "CT 5000 already exists on node 'local'")
    await run(world.create[1:], state)
    assert world.cluster.ours() == [5000]


async def test_a_locked_template_is_a_reason_to_try_again(world: World, state: State) -> None:
    world.cluster.fail("POST", "/clone", 500, "CT is locked (disk)", times=1)
    with pytest.raises(ForeignError) as failed:
        await run(world.create, state)
    assert failed.value.transient
    await run(world.create, state)
    assert world.cluster.ours() == [5000]


async def test_forty_creates_at_once_share_nothing(world: World) -> None:
    states = [request_for(5000 + n, f"op_{n}") for n in range(40)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(run(world.create, state) for state in states))
    left = await world.left()
    assert left["containers"] == left["rows"] == list(range(5000, 5040))
    assert len({server["address"] for server in world.edge.servers.values()}) == 40
    assert left["reserved"] == []


async def test_a_clone_without_its_description_yet_is_waited_for(world: World, state: State) -> None:
    await run(world.create[:1], state)
    half = world.cluster.add_ct(5000, "half", node="local", lock="create")
    for attempt in (world.create[1].do, world.create[1].undo):
        assert attempt is not None
        with pytest.raises(Locked):
            await attempt(state)
    half.lock = None
    half.config["description"] = "zpack operation=op_1 owner=u-ada"
    await unwind(world.create[:2], state)
    assert await world.left() == NOTHING


async def test_an_undo_waits_for_the_clone_it_interrupted(world: World, state: State) -> None:
    world.cluster.time_scale = 1
    world.cluster.ct_secs["clone"] = 2
    cloning = asyncio.create_task(run(world.create, state))
    await eventually(world.cluster.ours, what="the beginning of the clone")
    await interrupted(cloning)
    with pytest.raises(ForeignError) as early:
        await unwind(world.create[:2], state)
    assert early.value.transient
    async with asyncio.timeout(60):
        while world.cluster.ct(5000).lock:
            await asyncio.sleep(0.05)
    world.cluster.time_scale = 0
    await unwind(world.create[:2], state)
    assert await world.left() == NOTHING
