"""``zpack up`` whole, with a scripted fleet: starts, heals, resumes, leaves nothing."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from tests.support.http import Caller
from tests.support.platform import Platform
from tests.support.waiting import eventually

from zpack.simulate.serving import listen, served
from zpack.simulate.technitium.app import Server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

pytestmark = pytest.mark.journey
SUBNET = "127.88.0.0/16"
WANTED = {
    "container_type": "game", "game": "minecraft", "variant": "flying-squid", "version": "1.21.4", "memoryMiB": 1024,
}  # fmt: skip


async def leaves_nothing(platform: Platform) -> None:
    """Wait until all is gone: what is killed ends a little later."""
    await eventually(lambda: not platform.leftovers(), timeout=30, what="an empty machine")


async def ready(platform: Platform) -> bool:
    async with Caller(platform.api) as caller:
        try:
            return (await caller.get("/api/ready")).status == 200
        except OSError:
            return False


@pytest.fixture
async def zone(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Server]:
    """Have the platform name its servers at a simulated Technitium."""
    server = Server(["zpack.localhost"], token="a-token")
    async with served(server.app(), listen("127.0.0.1", 0)) as base:
        monkeypatch.setenv("TECHNITIUM_API_URL", f"{base}/api")
        monkeypatch.setenv("TECHNITIUM_API_TOKEN", "a-token")
        monkeypatch.setenv("VELOCITY_EDGE_IP", "127.0.0.1")
        yield server


async def leads_to_the_edge(admin: Caller, zone: Server, port: int) -> None:
    """Create a server, and find it by name, and shown, where the edge really listens."""
    assert (await admin.post("/api/instances", WANTED)).status == 202

    async def services() -> list[int]:
        return [one.data["port"] for one in zone.zones["zpack.localhost"] if one.kind == "SRV"]

    assert await eventually(services, timeout=60, what="a name") == [port]
    (shown,) = (await admin.get("/api/servers")).body["servers"]
    assert shown["address"].endswith(f".zpack.localhost:{port}")


async def test_it_starts_heals_resumes_and_leaves_nothing(tmp_path: Path, zone: Server) -> None:
    platform = Platform(tmp_path / "home", subnet=SUBNET, isolation="sim")
    async with platform:
        first = platform.admin
        assert await ready(platform)
        await platform.kill_control()
        await eventually(lambda: ready(platform), timeout=30, what="the API again")
        platform.note()
    await leaves_nothing(platform)
    async with (
        platform,
        Caller(platform.api) as caller,
        await caller.logged_in(first["email"], first["password"]) as admin,
    ):
        assert (await admin.get("/api/auth/me")).body["user"]["role"] == "admin"
        await leads_to_the_edge(admin, zone, platform.edge[1])
    await leaves_nothing(platform)


async def test_nothing_outlives_a_killed_supervisor_and_the_next_start_works(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "home", subnet=SUBNET, isolation="sim")
    await platform.start()
    await platform.stop(signal.SIGKILL)
    await leaves_nothing(platform)
    async with platform:
        assert await ready(platform)
    await leaves_nothing(platform)


async def test_a_second_start_on_the_same_home_is_refused(tmp_path: Path) -> None:
    async with Platform(tmp_path / "home", subnet=SUBNET, isolation="sim") as platform:
        second = Platform(platform.home, subnet=SUBNET, isolation="sim")
        second.errors = tmp_path / "second.stderr"
        with pytest.raises(AssertionError, match="another zpack runs on"):
            await second.start()
        assert await second.stop() == 1
        assert (platform.home / "run" / "control.pid").exists()
        assert await ready(platform)
