"""``zpack servers idle`` and ``keep-alive``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.cli.conftest import Counterpart, Zpack

PATH = "/api/servers/5000/idle"
SHOWN: dict[str, Any] = {
    "enabled": True, "minutes": 30, "wake": True, "own": {"enabled": True, "minutes": None},
    "state": "awake", "reason": "Stops at 18:40 UTC: last activity 18:10 (1 playing).", "keepAliveUntil": None,
}  # fmt: skip


async def test_it_says_when_and_why_a_server_stops(api: Counterpart, zpack: Zpack) -> None:
    api.says("GET", PATH, (200, SHOWN))
    rule, reason = (await zpack("servers", "idle", "5000")).out.splitlines()
    assert rule == "stops after 30 minutes without use and starts when somebody comes"
    assert reason == "awake: Stops at 18:40 UTC: last activity 18:10 (1 playing)."


async def test_what_is_not_said_stays(api: Counterpart, zpack: Zpack) -> None:
    api.says("GET", PATH, (200, SHOWN))
    api.says("PUT", PATH, (200, SHOWN | {"enabled": False, "reason": None}))
    assert (await zpack("servers", "idle", "5000", "--off")).out == "does not stop by itself\n"
    assert api.asked[-1][2] == {"enabled": False, "minutes": None, "wake": True}


async def test_keep_alive(api: Counterpart, zpack: Zpack) -> None:
    api.says("POST", "/api/servers/5000/keep-alive", (200, SHOWN | {"keepAliveUntil": "2026-03-01T20:00:00"}))
    said = await zpack("servers", "keep-alive", "5000", "--minutes", "90")
    assert said.out.splitlines()[-1] == "kept until 2026-03-01T20:00:00"
    assert api.asked[-1][2] == {"minutes": 90}
