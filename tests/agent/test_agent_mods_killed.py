"""SIGKILL in the middle of an install: afterwards there is nothing of the mod, or all of it."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import aiohttp
from tests.agent.bench import agent_beside, mod_settings, standing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import StoreServer
    from tests.support.cdn import Authority, Cdn

ROUNDS = 3
JAR = bytes(range(256)) * 3000


async def killed_while_installing(
    tmp: Path, store: StoreServer, cdn: Cdn, authority: Authority, *, late: bool
) -> None:
    """Kill the agent halfway through the file, or some moment after its last byte left for it."""
    cdn.hold, cdn.halfway = asyncio.Event(), asyncio.Event()
    async with agent_beside(tmp, store, **mod_settings(cdn, authority)) as agent:
        asking = asyncio.create_task(agent.post("/game/mods/install", cdn.order(content=JAR)))
        await cdn.halfway.wait()
        if late:
            cdn.hold.set()
            await asyncio.sleep(random.uniform(0, 0.02))  # where in the last steps is left to chance
        await agent.killed()
        await asyncio.gather(asking, return_exceptions=True)
        assert isinstance(asking.exception(), aiohttp.ClientError) or late


async def test_killed_halfway_leaves_nothing_and_a_second_try_all(
    tmp_path: Path, store: StoreServer, cdn: Cdn, authority: Authority
) -> None:
    folder = standing(tmp_path) / "mods"
    cdn.manner["/data/x/a.jar"] = "held"
    await killed_while_installing(tmp_path, store, cdn, authority, late=False)
    assert [path.suffix for path in folder.iterdir()] == [".part"]
    async with agent_beside(tmp_path, store, **mod_settings(cdn, authority)) as agent:
        assert list(folder.iterdir()) == []
        assert (await agent.get("/game/mods"))[1]["mods"] == []
        assert cdn.hold
        cdn.hold.set()
        assert (await agent.post("/game/mods/install", cdn.order(content=JAR)))[0] == 200
    assert [path.name for path in folder.iterdir()] == ["a.jar"]


async def test_killed_at_the_end_leaves_nothing_or_the_whole_mod(
    tmp_path: Path, store: StoreServer, cdn: Cdn, authority: Authority
) -> None:
    folder = standing(tmp_path) / "mods"
    cdn.manner["/data/x/a.jar"] = "held"
    for _ in range(ROUNDS):
        await killed_while_installing(tmp_path, store, cdn, authority, late=True)
        async with agent_beside(tmp_path, store, **mod_settings(cdn, authority)) as agent:
            names = [path.name for path in folder.iterdir()]
            assert names in ([], ["a.jar"])
            if names:
                assert (folder / "a.jar").read_bytes() == JAR
                assert (await agent.call("DELETE", "/game/mods/a.jar"))[0] == 200
