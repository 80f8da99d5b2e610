"""Tasks that outlive us: a run that follows one that died finds its task and begins none beside it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.control.provisioning.world import NOTHING, World, request_for, run, unwind
from tests.support.waiting import eventually
from zpack.control.db.tables import Operation
from zpack.control.operations.notes import OperationNote
from zpack.control.operations.store import add

if TYPE_CHECKING:
    from zpack.control.engine.steps import State


@pytest.fixture
async def state(world: World) -> State:
    """A create whose operation has a row, on a cluster that takes its time."""
    deadline = datetime.now(UTC) + timedelta(minutes=5)
    async with world.clients.database.transaction() as session:
        row = Operation(
            id="op_1", kind="instance-create", status="running", request_id="r", input={}, deadline=deadline
        )
        add(session, row)
    world.cluster.time_scale = 1
    return request_for(5000, "op_1")


def asked(world: World, suffix: str) -> int:
    return sum(str(path).endswith(suffix) for _, path, _ in world.cluster.requests)


async def dies(world: World, work: object, kind: str) -> str:
    """Kill a run as soon as its task is noted; return the UPID it left."""
    note = OperationNote(database=world.clients.database, operation_id="op_1")
    running = asyncio.ensure_future(work)  # pyright: ignore[reportArgumentType]
    upid = await eventually(lambda: note.begun(kind), what="the task's note")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return upid


async def test_a_clone_is_followed_by_the_next_run(world: World, state: State) -> None:
    world.cluster.ct_secs["clone"] = 1
    upid = await dies(world, run(world.create[:2], state), "vzclone")
    assert upid.startswith("UPID:local:")
    await run(world.create[:2], state)
    assert asked(world, "/clone") == 1
    assert world.cluster.ct(5000).lock is None
    world.cluster.time_scale = 0
    await unwind(world.create[:2], state)
    assert await world.left() == NOTHING


async def test_a_start_is_followed_by_the_next_run(world: World, state: State) -> None:
    await run(world.create[:3], state)
    world.cluster.ct(5000).start_secs = 1
    await dies(world, world.create[3].do(state), "vzstart")
    await run(world.create[3:4], state)
    assert asked(world, "/status/start") == 1
    assert world.cluster.ct(5000).status == "running"


async def test_a_task_that_failed_meanwhile_is_begun_anew(world: World, state: State) -> None:
    await run(world.create[:3], state)
    container = world.cluster.ct(5000)
    container.start_secs, container.start_error = 0.2, "no space left on device"
    upid = await dies(world, world.create[3].do(state), "vzstart")
    await eventually(lambda: world.cluster.tasks[upid]["status"] == "stopped", what="the task's end")
    container.start_error = None
    await run(world.create[3:4], state)
    assert asked(world, "/status/start") == 2
    assert container.status == "running"


async def test_a_task_that_nobody_knows_any_more_is_begun_anew(world: World, state: State) -> None:
    world.cluster.time_scale = 0
    await run(world.create[:3], state)
    note = OperationNote(database=world.clients.database, operation_id="op_1")
    await note.note("vzstart", "UPID:local:00000001:00000001:63DF62A5:vzstart:5000:root@pam:")
    await run(world.create[3:4], state)
    assert world.cluster.ct(5000).status == "running"
    assert await note.begun("vzstart") is None


async def test_warnings_are_kept_and_are_no_failure(world: World, state: State) -> None:
    world.cluster.time_scale = 0
    await run(world.create[:3], state)
    world.cluster.ct(5000).start_error = "WARNINGS: 1"
    facts = await world.create[3].do(state)
    assert facts == {"warnings": ["vzstart: WARNINGS: 1"]}
