"""The poller asks every agent and believes none."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.waiting import eventually
from zpack.control.engine.shards import SHARDS, shard_of
from zpack.control.heartbeat.poller import Heartbeat
from zpack.control.heartbeat.pulse import Pulse
from zpack.control.instances import store
from zpack.control.instances.models import AgentAddress

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.control.provisioning.world import World
    from tests.support.http import Caller


async def word(world: World, vmid: int = 5000) -> dict[str, Any]:
    found = await world.words.get_one(vmid)
    assert found is not None
    return found


@pytest.mark.seed("S11", "S12", "S13", "S14", "S15")
async def test_a_ready_agent_s_word(world: World) -> None:
    await world.created(5000)
    await world.heartbeat.tick()
    said = await word(world)
    assert (said["hostOnline"], said["ready"], said["readySource"]) == (True, True, "minecraft_ping")
    assert said["players"] == {"online": 1, "max": 20, "players": ["Ada"]}
    assert said["lastSeen"] > 0
    asked = [path for vmid, path in world.scripts.calls if vmid == 5000]
    assert {"/health", "/ready", "/status"} <= set(asked)


@pytest.mark.parametrize("manner", ["garbage", "endless", "redirect", "hang"])
async def test_an_agent_that_talks_nonsense_is_away(world: World, manner: str) -> None:
    await world.created(5000)
    world.scripts.manner[5000] = manner
    await world.heartbeat.tick()
    said = await word(world)
    assert (said["hostOnline"], said["ready"]) == (False, False)
    assert said["error"]


@pytest.mark.seed("S25")
async def test_only_semantic_readiness_counts(world: World) -> None:
    await world.created(5000)
    world.scripts.manner[5000] = "never"
    await world.heartbeat.tick()
    said = await word(world)
    assert (said["hostOnline"], said["ready"], said["readyError"]) == (
        True,
        False,
        "still waiting for the ping",
    )


async def test_a_word_lives_fifteen_seconds(world: World) -> None:
    await world.created(5000)
    await world.heartbeat.tick()
    assert 10 <= await world.clients.redis.ttl("agent:5000") <= 15


async def test_one_that_hangs_does_not_hold_up_the_others(world: World) -> None:
    for vmid in range(5000, 5008):
        await world.created(vmid)
    for vmid in range(5000, 5004):
        world.scripts.manner[vmid] = "hang"
    async with asyncio.timeout(7):  # one after the other they take eight
        await world.heartbeat.tick()
    assert [(await word(world, vmid))["ready"] for vmid in range(5000, 5008)] == [False] * 4 + [True] * 4


async def test_an_agent_that_is_never_asked_has_no_word(world: World) -> None:
    await world.heartbeat.tick()
    assert await world.words.get_one(5000) is None


@pytest.mark.seed("S26")
async def test_one_that_says_ready_while_its_game_is_down_is_not(world: World, ann: Caller) -> None:
    await world.created(5000, owner=(await ann.get("/api/auth/me")).body["user"]["id"])
    world.scripts.manner[5000] = "lying"
    await world.look()
    said = await word(world)
    assert (said["hostOnline"], said["state"], said["ready"]) == (True, "crashed", False)
    (server,) = (await ann.get("/api/servers")).body["servers"]
    one = (await ann.get("/api/servers/5000/status")).body
    assert server["agentReady"] is one["agentReady"] is one["connection"]["agentReady"] is False


async def test_one_that_hangs_in_ready_still_tells_its_state(world: World) -> None:
    await world.created(5000)
    world.scripts.manner[5000] = "half deaf"
    await world.heartbeat.tick()
    said = await word(world)
    assert (said["hostOnline"], said["state"], said["ready"]) == (True, "running", False)
    assert "in time" in said["readyError"]


async def test_one_whose_health_is_not_well_is_away(world: World) -> None:
    await world.created(5000)
    world.scripts.manner[5000] = "unwell"
    await world.heartbeat.tick()
    assert ((await word(world))["hostOnline"], (await word(world))["ready"]) == (False, False)


async def test_what_changes_slowly_is_asked_slowly(world: World) -> None:
    await world.created(5000)
    for _ in range(3):
        await world.heartbeat.tick()
    asked = [path for _, path in world.scripts.calls]
    counts = {path: asked.count(path) for path in ("/health", "/version", "/agent/update/status")}
    assert counts == {"/health": 3, "/version": 1, "/agent/update/status": 1}
    assert asked.count("/game/players") == 1


def heartbeat(world: World, shards: Collection[int], every: float = 5.0) -> Heartbeat:
    return Heartbeat(
        database=world.clients.database,
        agents=world.clients.agents,
        polls=world.clients.polls,
        words=world.words,
        changes=world.stores.changes,
        shards=lambda: shards,
        every=every,
    )


async def test_only_the_shards_we_hold_are_asked(world: World) -> None:
    for vmid in (5000, 5001):
        await world.created(vmid)
    world.scripts.calls.clear()
    await heartbeat(world, [shard_of(5001)]).tick()
    assert {vmid for vmid, _ in world.scripts.calls} == {5001}


async def test_the_rhythm_asks_each_once_and_never_twice_at_once(world: World) -> None:
    for vmid in range(5000, 5006):
        await world.created(vmid)
    world.scripts.calls.clear()
    world.scripts.health_at.clear()
    world.scripts.delay = 0.05
    running = asyncio.create_task(heartbeat(world, range(SHARDS), every=0.3).run())
    await eventually(lambda: len(asked(world)) >= 60, what="sixty polls")
    running.cancel()
    gaps = [later - at for times in world.scripts.health_at.values() for at, later in pairwise(times)]
    assert min(gaps) > 0.1, "half the rhythm is the least that lies between two polls"
    assert world.scripts.most_at_once == 1
    assert set(asked(world)) == set(range(5000, 5006))


def asked(world: World) -> list[int]:
    return [vmid for vmid, path in world.scripts.calls if path == "/health"]


async def test_a_new_server_is_asked_soon_and_a_deleted_one_no_more(world: World) -> None:
    running = asyncio.create_task(heartbeat(world, range(SHARDS), every=0.3).run())
    await world.created(5000)
    await eventually(lambda: 5000 in asked(world), what="the new server's poll")
    async with world.clients.database.transaction() as session:
        await store.delete_instance(session, 5000)
    polls = await quiet(world)
    running.cancel()
    assert polls >= 1


async def quiet(world: World, seconds: float = 1.0) -> int:
    """Return the number of polls once there was none for so long."""
    last, since = len(asked(world)), time.monotonic()

    def is_quiet() -> bool:
        nonlocal last, since
        if len(asked(world)) != last:
            last, since = len(asked(world)), time.monotonic()
        return time.monotonic() - since > seconds

    await eventually(is_quiet, what="the polls to end")
    return last


def pulse_of(vmid: int) -> Pulse:
    return Pulse(polled=AgentAddress(vmid, None, "127.0.0.1", "", None), token="", due=100.0)


def test_the_second_polls_are_spread_over_the_rhythm() -> None:
    dues = sorted(pulse_of(vmid).next_due(5.0, 100.5) for vmid in range(5000, 6000))
    assert min(dues) >= 100.5 + 2.5
    assert max(dues) <= 100.5 + 7.5
    assert max(later - earlier for earlier, later in pairwise(dues)) < 0.05


@pytest.mark.parametrize(("failures", "pause"), [(0, 5), (1, 5), (2, 10), (9, 10)])
def test_a_dead_agent_is_asked_less_often(failures: int, pause: float) -> None:
    pulse = pulse_of(5000)
    pulse.failures, pulse.in_step = failures, True
    assert pulse.next_due(5.0, 100.5) == 100.0 + pause
    assert pulse.next_due(5.0, 500.0) == 502.5, "a turn that was missed is not made up for"
