"""Luanti under the agent: a real game that is no Minecraft, with its own way to tell that it serves."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.bench import HOST, Client, StoreServer, agent_here, alive, tarball
from tests.support.luanti import BINARY, pinged

from zpack.agent.status.luanti import ping_luanti
from zpack.agent.status.ping import PingError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ARTIFACT = "luanti/minetest/5.6.1/server.tar.gz"
LUANTI: dict[str, Any] = {
    "game": "luanti",
    "variant": "minetest",
    "version": "5.6.1",
    "artifact_path": ARTIFACT,
}


@pytest.fixture
async def agent(tmp_path: Path, store: StoreServer) -> AsyncIterator[Client]:
    if shutil.which(BINARY) is None:
        assert "CI" not in os.environ, "CI must run Luanti, but this machine has none"
        pytest.skip("no Luanti here: Debian's minetest-server is not installed")
    data = Path("/usr/share/games/minetest/builtin/init.lua")
    files = {"bin/minetestserver": Path(BINARY), "share/minetest/builtin/init.lua": data}
    store.put(ARTIFACT, tarball({name: path.read_bytes() for name, path in files.items()}))
    async with agent_here(tmp_path, store) as client:
        yield client


async def test_it_is_installed_ready_by_its_own_ping_and_stopped(agent: Client) -> None:
    status = await agent.run(**LUANTI)
    assert (status["ready"], status["readySource"]) == (True, "luanti_ping")
    assert await pinged(HOST, agent.port), "a foreign client is answered too"
    assert (await agent.get("/game/players"))[0] == 400
    pid = agent.game_pid()
    assert await agent.post("/stop") == (204, "")
    assert not alive(pid)
    assert (await agent.status())["crashCount"] == 0


async def test_its_world_is_there_after_a_restart(agent: Client) -> None:
    await agent.run(**LUANTI)
    world = agent.root / "luanti" / "minetest" / "world" / "world" / "world.mt"
    before = world.stat().st_ino
    assert (await agent.post("/restart"))[0] == 200
    await agent.reaches("running")
    assert world.stat().st_ino == before


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK", bytes.fromhex("4f457403") + b"?" * 10])
async def test_what_answers_otherwise_is_no_luanti(said: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, 0))
        other.setblocking(False)
        loop = asyncio.get_running_loop()

        async def answer() -> None:
            _, whom = await loop.sock_recvfrom(other, 64)
            await loop.sock_sendto(other, said, whom)

        task = asyncio.create_task(answer())
        with pytest.raises(PingError, match="no Luanti server"):
            await ping_luanti(HOST, other.getsockname()[1], seconds=3)
        await task


async def test_silence_and_a_closed_port() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((HOST, 0))
        port = silent.getsockname()[1]
        with pytest.raises(PingError, match="no answer within"):
            await ping_luanti(HOST, port, seconds=0.3)
    with pytest.raises(PingError, match="refused"):
        await ping_luanti(HOST, port, seconds=0.3)
