"""Every Proxmox call of a create, a delete and a power operation, met once by every kind of trouble.

What the kernel does is done here in small: a transient failure is tried again, any other one unwinds. Whatever
happened, there is one whole container at the end, or nothing.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.control.provisioning.counterparts import TEMPLATE
from tests.control.provisioning.world import NOTHING, World, request_for
from tests.support.waiting import eventually
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.outside import proxmox_hosts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zpack.control.engine.steps import State, Step

TRIES = 1000
CREATE = (
    "GET /cluster/resources", "GET /cluster/nextid", "POST .*/clone", "GET .*/tasks/.*/status",
    "PUT .*/config", "POST .*/status/start", "GET .*/interfaces", "GET .*/status/current",
)  # fmt: skip
DELETE = ("GET /cluster/resources", "GET .*/config", "POST .*/status/stop", "DELETE .*", "GET .*/tasks/.*")
POWER = ("GET /cluster/resources", "POST .*/status/shutdown", "POST .*/status/start", "GET .*/tasks/.*")
UNTIL_PAYLOAD = 6
"""The steps of a create that ask Proxmox."""


async def hang(request: web.Request, answer: Any) -> Any:
    del request, answer
    await asyncio.sleep(30)


async def be_slow(request: web.Request, answer: Any) -> Any:
    del request
    await asyncio.sleep(0.05)
    return await answer()


async def lose(request: web.Request, answer: Any) -> Any:
    await answer()
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def do_twice(request: web.Request, answer: Any) -> Any:
    del request
    first = await answer()
    await answer()
    return first


def refuse(status: int, reason: str) -> Any:
    async def say(request: web.Request, answer: Any) -> Any:
        del request, answer
        return web.json_response({"data": None, "message": reason}, status=status, reason=reason)

    return say


async def talk_nonsense(request: web.Request, answer: Any) -> Any:
    del request, answer
    return web.Response(text="<h1>It works!</h1>", content_type="text/html")


PASSING: dict[str, Any] = {
    "time-out": hang,
    "slow": be_slow,
    "partial success": lose,
    "duplicate": do_twice,
    "garbage": talk_nonsense,
    "502": refuse(502, "Bad Gateway"),
    "596": refuse(596, "Connection timed out"),
    "locked": refuse(500, "CT is locked (backup)"),
    "no quorum": refuse(500, "cluster not ready - no quorum?"),
}
LASTING: dict[str, Any] = {
    "400": refuse(400, "Parameter verification failed."),
    "403": refuse(403, "Permission check failed (/vms, VM.Audit)"),
    "500": refuse(500, "something else is broken"),
}


class Once:
    """Meets the first call that matches with a trouble."""

    def __init__(self, call: str, manner: Any) -> None:
        self._method, _, path = call.partition(" ")
        self._path = re.compile(f"/api2/json{path}")
        self._manner = manner
        self.met = False

    async def __call__(self, request: web.Request, answer: Callable[[], Awaitable[Any]]) -> Any:
        if self.met or request.method != self._method or not self._path.fullmatch(request.path):
            return await answer()
        self.met = True
        return await self._manner(request, answer)


async def tried(work: Callable[[State], Awaitable[Any]], state: State) -> Any:
    """Try until it is done, as the kernel does with what is transient."""
    for _ in range(TRIES):
        try:
            return await work(state)
        except ForeignError as failure:
            if not failure.transient:
                raise
        await asyncio.sleep(0.02)
    raise AssertionError


async def driven(steps: tuple[Step, ...], state: State) -> bool:
    """Do steps as the kernel does; say whether all were done."""
    begun: list[Step] = []
    for step in steps:
        begun.append(step)
        try:
            state |= await tried(step.do, state) or {}
        except (ForeignError, Refusal):
            await undone(begun, state)
            return False
    return True


async def undone(begun: list[Step], state: State) -> None:
    for step in reversed(begun):
        for _ in range(TRIES if step.undo else 0):
            assert step.undo is not None
            try:
                await step.undo(state)
            except ForeignError:
                await asyncio.sleep(0.02)
            else:
                break


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxmox_hosts, "CALL_SECONDS", 0.5)


@pytest.mark.parametrize("manner", PASSING)
async def test_a_create_gets_through_what_passes(world: World, manner: str) -> None:
    steps = world.create[:UNTIL_PAYLOAD]
    for number, call in enumerate(CREATE):
        state = request_for(5000 + number, f"op_{number}")
        world.cluster.trouble = once = Once(call, PASSING[manner])
        assert await driven(steps, state), (call, manner)
        assert once.met, call
        assert world.cluster.ct(5000 + number).status == "running"
        await undone(list(steps), state)
        assert await world.left() == NOTHING, (call, manner)


def lose_quorum(world: World, lost: bool) -> None:
    world.cluster.quorate = not lost


def lose_node(world: World, lost: bool) -> None:
    world.cluster.set_node_offline("local", lost)


def lose_packets(world: World, lost: bool) -> None:
    world.cluster.flaky_network(drop_rate=0.3 if lost else 0)


def hold_template(world: World, lost: bool) -> None:
    world.cluster.ct(TEMPLATE).lock = "backup" if lost else None


@pytest.mark.parametrize("trouble", [lose_quorum, lose_node, lose_packets, hold_template])
async def test_a_cluster_that_recovers_finishes_what_was_begun(
    world: World, trouble: Callable[[World, bool], None]
) -> None:
    states = [request_for(5000 + number, f"op_{number}") for number in range(3)]
    trouble(world, True)
    steps = world.create[:UNTIL_PAYLOAD]
    creates = [asyncio.ensure_future(driven(steps, state)) for state in states]
    await eventually(lambda: len(world.cluster.requests) > 20, what="the creates to try")
    trouble(world, False)
    assert await asyncio.gather(*creates) == [True] * 3
    assert {world.cluster.ct(5000 + number).status for number in range(3)} == {"running"}
    for state in states:
        await undone(list(steps), state)
    assert await world.left() == NOTHING


@pytest.mark.parametrize("manner", LASTING)
async def test_a_create_that_fails_leaves_nothing(world: World, manner: str) -> None:
    steps = world.create[:UNTIL_PAYLOAD]
    for number, call in enumerate(CREATE):
        state = request_for(5000 + number, f"op_{number}")
        world.cluster.trouble = once = Once(call, LASTING[manner])
        assert not await driven(steps, state), (call, manner)
        assert once.met, call
        assert await world.left() == NOTHING, (call, manner)


@pytest.mark.parametrize("manner", PASSING | LASTING)
async def test_a_delete_gets_through_or_can_be_asked_for_again(world: World, manner: str) -> None:
    for number, call in enumerate(DELETE):
        vmid = 5000 + number
        world.cluster.trouble = None
        state = await world.created(vmid)
        state = {"vmid": vmid, "hostname": state["hostname"], "customer_id": "u-ada"}
        world.cluster.trouble = once = Once(call, (PASSING | LASTING)[manner])
        if not await driven(world.delete, {**state, "operation_id": f"op_a{vmid}"}):
            assert manner in LASTING, (call, manner)
            assert world.cluster.ours() == [vmid]
            assert await driven(world.delete, {**state, "operation_id": f"op_b{vmid}"})
        assert once.met, call
        assert await world.left() == NOTHING, (call, manner)


@pytest.mark.parametrize("manner", PASSING)
async def test_power_gets_through_what_passes(world: World, manner: str) -> None:
    world.cluster.add_ct(5000, "mc-5000", node="local", status="running")
    for call in POWER:
        world.cluster.requests.clear()
        world.cluster.trouble = once = Once(call, PASSING[manner])
        state: State = {"vmid": 5000, "customer_id": None, "operation_id": "op_1"}
        steps = world.workflows["host-restart"].steps[:2]
        assert await driven(steps, state), (call, manner)
        assert once.met, call
        assert world.cluster.ct(5000).status == "running"
        assert "status/stop" not in str(world.cluster.requests), "a world was killed that could have ended"
