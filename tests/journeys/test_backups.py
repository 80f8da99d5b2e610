"""A player's block: backed up while the game runs, dug away, and there again after the restore."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.backups.ground import ended, leftovers, made, restored
from tests.agent.bench import HOST, agent_here, scripted_store, serving
from tests.node.bots.installed import installed_bots
from tests.support.platform import PREPARED, lend_artifacts
from zpack.artifacts.server import build_app

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import Client

pytestmark = pytest.mark.journey
DIGS = 5
ARTIFACT = "minecraft/flying-squid/1.21.4/server.tar.gz"


async def block(agent: Client, *words: str) -> dict[str, Any]:
    """Let a bot look at a block, and dig it when told to; return what it saw."""
    tools, folder = await asyncio.to_thread(installed_bots)
    process = await asyncio.create_subprocess_exec(
        *(str(tools.node), str(folder / "block.mjs"), "--host", HOST, "--port", str(agent.port)),
        *("--username", "Digger", "--version", "1.21.4", "--timeout", "100", *words),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, said
    return json.loads(said)


async def dig(agent: Client, at: tuple[str, str], seen: str) -> None:
    """Dig until it is gone for good: the game writes its world when it ends, and has no word to make it."""
    for _ in range(DIGS):
        dug = await block(agent, *at, "--dig")
        assert (dug["seen"], dug["now"]) == (seen, "air")
        await agent.post("/restart")
        await agent.reaches("running", seconds=120)
        if (await block(agent, *at))["now"] == "air":
            return
    raise AssertionError("the block cannot be dug")


async def test_a_dug_block_comes_back(tmp_path: Path) -> None:
    await asyncio.to_thread(lend_artifacts, tmp_path / "artifacts")
    assert PREPARED.is_dir()
    async with (
        serving(build_app(tmp_path / "artifacts")) as url,
        agent_here(tmp_path, scripted_store(), ARTIFACT_BASE_URL=url) as agent,
    ):
        await agent.post("/config", agent.payload(variant="flying-squid", artifact_path=ARTIFACT))
        await agent.reaches("running", seconds=120)
        before = await block(agent)
        at = ("--at", ",".join(str(part) for part in before["at"]))
        backup = await made(agent, label="before digging")
        await dig(agent, at, before["seen"])
        result = await restored(agent, backup["id"])
        assert (result["operation"]["state"], result["restored"]) == ("succeeded", backup)
        assert (await block(agent, *at))["now"] == before["seen"]
        code, body = await agent.post(f"/game/backups/restore?id={result['checkpoint']['id']}")
        assert (code, (await ended(agent, body["operation"]))["operation"]["state"]) == (202, "succeeded")
        assert (await block(agent, *at))["now"] == "air"
        assert leftovers(agent) == []
