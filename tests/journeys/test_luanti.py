"""Two servers of a game that is no Minecraft, from the catalog to a player's packet through a real Traefik."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.http import Caller
from tests.support.luanti import BINARY, pinged
from tests.support.platform import Platform, lend_artifacts
from tests.support.ports import free_port
from tests.support.traefik import API_PORT, RealTraefik, own_address, quick
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.journey
HOST = own_address()
WANTED = {"game": "luanti", "variant": "minetest", "version": "5.6.1", "memoryMiB": 512, "cpuCores": 1}
UNUSED = {
    "DATABASE_URL": "postgresql://x",
    "API_AUTH_SECRET": "x" * 32,
    "ZPACK_AGENT_SECRET": "x" * 32,
    "ZPACK_SECRET": "x" * 16,
    "PROXMOX_HOST": "http://x",
    "PROXMOX_NODE": "x",
    "PROXMOX_API_TOKEN": "a@b!c=d",
    "VELOCITY_URL": "http://x",
    "ARTIFACT_BASE_URL": "http://x",
}


def zpack(*words: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "zpack", *words], check=True, capture_output=True, text=True
    ).stdout


def with_luanti(folder: Path, work: Path) -> None:
    """Pack Debian's server as an operator does, and take it into the store."""
    lend_artifacts(folder)
    packed = work / "luanti.tar.gz"
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(BINARY, "bin/minetestserver")
        tar.add("/usr/share/games/minetest/builtin", "share/minetest/builtin")
    named = ("--game", "luanti", "--variant", "minetest", "--version", "5.6.1")
    zpack("artifacts", "add", str(packed), *named, "--home", str(folder))


@pytest.fixture
async def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Platform]:
    port = free_port()
    for name, value in {
        "ZPACK_PORT_RANGES": "30000-30001/udp",
        "TRAEFIK_PROVIDER_TOKEN": "a provider token for tests",
        "TRAEFIK_API_URL": f"http://{HOST}:{API_PORT}",
        "TRAEFIK_SERVICE_URLS": f"http://127.0.0.1:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    await asyncio.to_thread(with_luanti, tmp_path / "home" / "artifacts", tmp_path)
    async with Platform(tmp_path / "home", subnet="127.85.0.0/16", words=("--port", str(port))) as running:
        yield running


@pytest.fixture
async def traefik(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RealTraefik]:
    for name, value in UNUSED.items():
        monkeypatch.setenv(name, value)
    printed = await asyncio.to_thread(zpack, "traefik", "--host", HOST)
    with RealTraefik(tmp_path, quick(json.loads(printed), HOST), HOST) as running:
        yield running


async def test_two_servers_are_played_and_one_is_deleted(platform: Platform, traefik: RealTraefik) -> None:
    async with Caller(platform.api) as anyone, await anyone.registered("ann") as ann:
        created = [await ann.post("/api/instances?wait=60", WANTED) for _ in range(2)]
        assert [one.status for one in created] == [200, 200], created
        seen = await eventually(lambda: _connectable(ann), what="the state of both")
        assert [one["address"] for one in seen] == [
            "luanti-5000.zpack.localhost:30000", "luanti-5001.zpack.localhost:30001",
        ]  # fmt: skip
        for port in (30000, 30001):
            await eventually(lambda port=port: pinged(HOST, port), what=f"an answer of {port}")
        stopped = await ann.post("/api/servers/5000/host/stop")
        assert stopped.status < 300, stopped
        await eventually(lambda: _deleted(ann), timeout=60, what="the end of the first")
        assert not await pinged(HOST, 30000)
        await eventually(lambda: pinged(HOST, 30001), what="an answer of the other")
        again = await ann.post("/api/instances?wait=60", WANTED)
        assert (await ann.get(f"/api/servers/{again.body['vmid']}")).body["address"].endswith(":30000")
        await eventually(lambda: pinged(HOST, 30000), what="an answer of the new one")


async def _connectable(ann: Caller) -> list[dict[str, Any]] | None:
    """Return the servers once players can join each; an agent that is busy may miss a poll."""
    seen: list[dict[str, Any]] = (await ann.get("/api/servers")).body["servers"]
    return seen if {one["connection"]["state"] for one in seen} == {"connectable"} else None


async def _deleted(ann: Caller) -> bool:
    return (await ann.call("DELETE", "/api/containers/5000")).status == 200
