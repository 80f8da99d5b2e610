"""A player's block: backed up through the API, dug away, and there again after the restore."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.node.bots.installed import installed_bots
from tests.support.http import Caller
from tests.support.platform import Platform
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.journey
BODY = {
    "container_type": "game", "game": "minecraft", "variant": "flying-squid", "version": "1.21.4",
    "memoryMiB": 512, "cpuCores": 1,
}  # fmt: skip


async def block(platform: Platform, hostname: str, *words: str) -> dict[str, Any]:
    """Let a bot look at a block, and dig it when told to; return what it saw."""
    tools, folder = await asyncio.to_thread(installed_bots)
    host, port = platform.edge
    process = await asyncio.create_subprocess_exec(
        *(str(tools.node), str(folder / "block.mjs"), "--host", host, "--port", str(port)),
        *("--fake-host", hostname, "--username", "Digger", "--version", "1.21.4", *words),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, said
    return json.loads(said)


async def test_a_dug_block_comes_back(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "home", subnet="127.88.0.0/16", isolation="process")
    await platform.start()
    try:
        async with Caller(platform.api) as anyone, await anyone.registered("ann") as ann:
            await dug_and_restored(platform, ann)
    finally:
        await platform.stop()


async def dug_and_restored(platform: Platform, ann: Caller) -> None:
    created = (await ann.post("/api/instances?wait=120", BODY)).body
    vmid = created["vmid"]
    name, backups = f"{created['hostname']}.zpack.localhost", f"/api/game/servers/{vmid}/backups"

    async def ended() -> Any:
        operation = (await ann.get(backups)).body["operation"]
        return operation if operation["state"] != "running" else None

    async def playable() -> bool:
        status = (await ann.get(f"/api/servers/{vmid}/status")).body
        return status["ready"] and status["connectable"] and not status["operationInProgress"]

    await eventually(playable, timeout=120)
    before = await block(platform, name)
    at = ("--at", ",".join(str(part) for part in before["at"]))
    assert (await ann.post(backups, {"label": "before digging"})).status in {201, 202}
    assert (await eventually(ended, timeout=60))["state"] == "succeeded"
    dug = await block(platform, name, *at, "--dig")
    assert (dug["seen"], dug["now"]) == (before["seen"], "air")
    assert (await block(platform, name, *at))["now"] == "air"
    listed = (await ann.get(backups)).body["backups"]
    reply = await ann.post(f"{backups}/restore?id={listed[0]['id']}")
    assert (reply.status, reply.body["restored"]["label"]) == (202, "before digging")
    assert (await eventually(ended, timeout=120))["state"] == "succeeded"
    await eventually(playable, timeout=120)
    assert (await block(platform, name, *at))["now"] == before["seen"]
    kinds = [each["type"] for each in (await ann.get(backups)).body["backups"]]
    assert kinds == ["checkpoint", "manual"]
