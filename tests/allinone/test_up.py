"""``zpack up`` whole, with a scripted fleet: starts, heals, resumes, leaves nothing."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from tests.support.http import Caller
from tests.support.platform import Platform
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.journey
SUBNET = "127.88.0.0/16"


async def ready(platform: Platform) -> bool:
    async with Caller(platform.api) as caller:
        try:
            return (await caller.get("/api/ready")).status == 200
        except OSError:
            return False


async def test_it_starts_heals_resumes_and_leaves_nothing(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "home", subnet=SUBNET, isolation="sim")
    async with platform:
        first = platform.admin
        assert await ready(platform)
        await platform.kill_control()
        await eventually(lambda: ready(platform), timeout=30, what="the API again")
        platform.note()
    assert platform.leftovers() == []
    async with (
        platform,
        Caller(platform.api) as caller,
        await caller.logged_in(first["email"], first["password"]) as admin,
    ):
        assert (await admin.get("/api/auth/me")).body["user"]["role"] == "admin"
    assert platform.leftovers() == []


async def test_nothing_outlives_a_killed_supervisor_and_the_next_start_works(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "home", subnet=SUBNET, isolation="sim")
    await platform.start()
    await platform.stop(signal.SIGKILL)
    await eventually(lambda: not platform.leftovers(), timeout=30, what="an empty machine")
    async with platform:
        assert await ready(platform)
    assert platform.leftovers() == []


async def test_a_second_start_on_the_same_home_is_refused(tmp_path: Path) -> None:
    async with Platform(tmp_path / "home", subnet=SUBNET, isolation="sim") as platform:
        second = Platform(platform.home, subnet=SUBNET, isolation="sim")
        second.errors = tmp_path / "second.stderr"
        with pytest.raises(AssertionError, match="another zpack runs on"):
            await second.start()
        assert await second.stop() == 1
        assert (platform.home / "run" / "control.pid").exists()
        assert await ready(platform)
