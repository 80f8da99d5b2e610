"""A real server falls asleep on a real platform, a ping says so, and a bot that joins wakes it."""

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
WANTED = {"game": "minecraft", "variant": "flying-squid", "version": "1.21.4", "memoryMiB": 512}
SETTINGS = {
    "ZPACK_IDLE_SECONDS": "0.5",
    "ZPACK_IDLE_GRACE_SECONDS": "0",
    "ZPACK_IDLE_LEAST_MINUTES": "0.02",
}


async def bot(platform: Platform, script: str, host: str, *words: str) -> list[dict[str, Any]]:
    """Run a bot against the edge; return what it saw."""
    tools, folder = await asyncio.to_thread(installed_bots)
    address, port = platform.edge
    where = ("--host", address, "--port", str(port), "--fake-host", host, "--version", "1.21.4")
    process = await asyncio.create_subprocess_exec(
        *(str(tools.node), str(folder / script), *where, *words), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), 90)
    return [json.loads(line) for line in said.splitlines() if line.startswith(b"{")]


async def test_asleep_pinged_joined_woken_and_joined_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    async with (
        Platform(tmp_path / "home", subnet="127.89.0.0/16") as platform,
        Caller(platform.api) as anyone,
        await anyone.registered("ann") as ann,
    ):
        made = (await ann.post("/api/instances?wait=120", WANTED)).body
        server = f"/api/servers/{made['vmid']}"
        assert (await ann.put(f"{server}/idle", {"enabled": True, "minutes": 0.05})).status == 200

        async def state() -> tuple[str, str]:
            view = (await ann.get(server)).body
            return view["idle"] and view["idle"]["state"], view["connection"]["state"]

        async def is_asleep() -> bool:
            return await state() == ("asleep", "asleep")

        await eventually(is_asleep, timeout=60, what="the sleep")
        host = (await ann.get(server)).body["address"]

        async def says_so() -> Any:
            seen = await bot(platform, "ping.mjs", host)
            return "asleep" in json.dumps(seen) and seen

        ping = await eventually(says_so, timeout=20, what="the edge's answer")
        assert ping[0]["players"]["online"] == 0
        assert "asleep" in (await ann.get(server)).body["connection"]["state"]  # a ping wakes nobody
        await ann.put(f"{server}/idle", {"enabled": False})
        kicked = await bot(platform, "join.mjs", host)
        assert "is starting" in json.dumps(kicked)

        async def is_up() -> bool:
            return await state() == (None, "connectable")

        await eventually(is_up, timeout=60, what="the wake")

        async def has_joined() -> bool:
            return "spawn" in [event["event"] for event in await bot(platform, "join.mjs", host)]

        await eventually(has_joined, timeout=30, what="the join")
