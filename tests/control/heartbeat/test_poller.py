"""The poller asks every agent and believes none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.control.provisioning.world import World


async def word(world: World, vmid: int = 5000) -> dict[str, Any]:
    found = await world.words.get_one(vmid)
    assert found is not None
    return found


async def test_a_ready_agent_s_word(world: World) -> None:
    await world.created(5000)
    await world.heartbeat.tick()
    said = await word(world)
    assert (said["hostOnline"], said["ready"], said["readySource"]) == (True, True, "minecraft_ping")
    assert said["players"] == {"online": 1, "max": 20, "players": ["Ada"]}
    assert said["lastSeen"] > 0


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
    assert 13 <= await world.clients.redis.ttl("agent:5000") <= 15


async def test_one_that_hangs_does_not_hold_up_the_others(world: World) -> None:
    for vmid in range(5000, 5008):
        await world.created(vmid)
    for vmid in range(5000, 5004):
        world.scripts.manner[vmid] = "hang"
    async with asyncio.timeout(4):
        await world.heartbeat.tick()
    assert [(await word(world, vmid))["ready"] for vmid in range(5000, 5008)] == [False] * 4 + [True] * 4


async def test_an_agent_that_is_never_asked_has_no_word(world: World) -> None:
    await world.heartbeat.tick()
    assert await world.words.get_one(5000) is None
