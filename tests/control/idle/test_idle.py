"""Servers that nobody uses are stopped, with the reason, and start when somebody comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.conftest import EDGE_SECRET
from tests.control.idle.resting import NAME, SERVER, Resting
from zpack.control.entitlements import store as entitlements
from zpack.wire.edge import SECRET_HEADER, hashed_secret

if TYPE_CHECKING:
    from tests.support.http import Caller

WAKE = "/internal/velocity/wake"
HEADERS = {SECRET_HEADER: hashed_secret(EDGE_SECRET)}


async def woken(anyone: Caller, name: str = NAME, **more: Any) -> Any:
    return await anyone.post(WAKE, {"server_name": name, **more}, headers=HEADERS)


async def test_off_by_default_nothing_stops(hers: Resting) -> None:
    await hers.say_nobody()
    await hers.tick()
    await hers.long_ago()
    await hers.tick()
    assert (await hers.begun(), (await hers.view())["idle"]) == ([], None)
    assert (await hers.idle())["enabled"] is False


async def test_it_stops_and_says_why(hers: Resting) -> None:
    await hers.asleep()
    found = await hers.view()
    assert await hers.begun() == ["host-stop"]
    assert found["idle"]["state"] == found["connection"]["state"] == "asleep"
    assert found["connection"]["reason"].startswith("Stopped because idle since ")


async def test_the_status_warns_before(hers: Resting) -> None:
    await hers.rule(enabled=True, minutes=30)
    await hers.say_nobody()
    await hers.tick()
    idle = (await hers.view())["idle"]
    assert idle["state"] == "awake"
    assert idle["stopsAt"] > idle["lastActivityAt"]
    assert idle["reason"].startswith("Stops at ")


async def test_a_new_worker_keeps_what_was_known_of_the_last_use(hers: Resting) -> None:
    await hers.rule(enabled=True, minutes=30)
    await hers.say_nobody()
    await hers.tick()
    before = (await hers.idle())["lastActivityAt"]
    hers.reconciler._memory.clear()
    await hers.world.clients.redis.flushall()
    await hers.world.look()
    await hers.say_nobody()
    await hers.tick()
    assert (await hers.idle())["lastActivityAt"] == before


async def test_who_joined_in_the_last_second_keeps_it(hers: Resting) -> None:
    await hers.rule(enabled=True, minutes=30)
    await hers.word()  # and when it is asked once more, one plays
    await hers.tick()
    await hers.long_ago()
    await hers.tick()
    assert await hers.begun() == []


async def test_keep_alive_puts_it_off(hers: Resting) -> None:
    await hers.rule(enabled=True, minutes=30)
    assert (await hers.caller.post(f"{SERVER}/keep-alive", {"minutes": 300})).status == 200
    await hers.say_nobody()
    await hers.tick()
    await hers.long_ago()
    await hers.tick()
    assert await hers.begun() == []
    assert "kept by request" in (await hers.view())["idle"]["reason"]


async def test_keeping_what_does_not_stop_is_refused(hers: Resting) -> None:
    assert (await hers.caller.post(f"{SERVER}/keep-alive")).body["error"] == "idle_stop_off"


@pytest.mark.parametrize("minutes", [0, -1, 0.5, 1e9, "30", True])
async def test_impossible_minutes_are_refused(hers: Resting, minutes: Any) -> None:
    assert (await hers.rule(enabled=True, minutes=minutes)).status == 400


async def test_a_plan_may_require_it(hers: Resting, root: Caller) -> None:
    for row in (await root.get("/api/admin/plans")).body["plans"]:
        body = {k: v for k, v in row.items() if k != "id"} | {"idle": {"minutes": 60, "required": True}}
        assert (await root.put(f"/api/admin/plans/{row['id']}", body)).status == 200
    assert (await hers.rule(enabled=False)).body["error"] == "idle_stop_required"
    assert (await hers.rule(minutes=90)).body["error"] == "idle_minutes_out_of_range"
    assert (await hers.idle())["enabled"] is True


async def test_two_reconcilers_at_once_begin_one_stop(hers: Resting) -> None:
    await hers.quiet()
    await asyncio.gather(*(hers.reconciler.tick() for _ in range(5)))
    assert await hers.begun() == ["host-stop"]


async def test_a_join_wakes_it_once(hers: Resting, anyone: Caller) -> None:
    await hers.asleep()
    for found in await asyncio.gather(*(woken(anyone) for _ in range(3))):
        assert (found.status, found.body["state"]) == (200, "waking")
    assert await hers.begun() == ["host-stop", "host-start"]
    await hers.carry_out()
    await hers.say_nobody()
    await hers.tick()
    assert (await hers.idle())["state"] == "awake"
    assert hers.world.cluster.ct(5000).status == "running"


async def test_the_edge_is_told_when_it_sleeps_and_when_not(hers: Resting, anyone: Caller) -> None:
    await hers.asleep()
    told = [body.get("asleep") for path, body in hers.world.edge.calls if path == "/zpack/register"]
    assert told == [None, True]
    assert NAME in hers.world.edge.servers
    assert [row.get("asleep") for row in await hers.world.publishing.rehydration()] == [True]
    await woken(anyone)
    await hers.carry_out()
    await hers.say_nobody()
    await hers.tick()
    assert hers.world.edge.calls[-1][1]["asleep"] is False


async def test_a_bridge_that_knows_no_sleep_is_told_once(hers: Resting) -> None:
    await hers.asleep()
    calls = [path for path, _ in hers.world.edge.calls].count("/zpack/register")
    await hers.tick()
    assert [path for path, _ in hers.world.edge.calls].count("/zpack/register") == calls


async def test_a_suspended_owner_s_server_is_not_woken(hers: Resting, anyone: Caller) -> None:
    await hers.asleep()
    async with hers.world.clients.database.transaction() as session:
        await entitlements.grant(session, hers.user_id, server_state="suspended_shutdown")
    assert (await woken(anyone)).body["error"] == "account_suspended"


async def test_its_owner_may_want_no_wakes(hers: Resting, anyone: Caller) -> None:
    await hers.asleep()
    await hers.rule(enabled=True, wake=False)
    assert (await woken(anyone)).body["error"] == "wake_off"


async def test_one_address_does_not_wake_for_ever(hers: Resting, anyone: Caller) -> None:
    await hers.asleep()
    await hers.rule(enabled=True, wake=False)
    codes = [(await woken(anyone, address="198.51.100.7")).body["error"] for _ in range(13)]
    assert codes[-1] == "too_many_requests"


async def test_what_does_not_sleep_is_left_alone(hers: Resting, anyone: Caller) -> None:
    assert (await woken(anyone)).body == {"state": "awake", "seconds": 0}
    assert (await woken(anyone, "nobody")).status == 404
    assert await hers.begun() == []


async def test_its_owner_starts_it_by_hand(hers: Resting) -> None:
    await hers.asleep()
    assert (await hers.caller.post(f"{SERVER}/host/start")).status == 202
    await hers.carry_out()
    await hers.tick()
    assert (await hers.idle())["state"] == "awake"
