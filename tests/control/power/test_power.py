"""Game power through the agent, host power through Proxmox."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.worker import Worker

SERVER = "/api/servers/5000"


@pytest.fixture
async def hers(world: World, ann: Caller) -> World:
    """A world in which Ann has a server."""
    await world.created(5000, owner=(await ann.get("/api/auth/me")).body["user"]["id"])
    return world


async def settled(caller: Caller) -> str:
    """Wait until no host operation runs; return the host's status."""
    async with asyncio.timeout(20):
        while True:
            found = (await caller.get(f"{SERVER}/host/status")).body
            if found["operation"] is None:
                return found["hostStatus"]
            await asyncio.sleep(0.05)


async def ended(caller: Caller, operation: str) -> dict[str, Any]:
    """Wait for an operation's end, which its own row tells a moment after the key is given back."""
    async with asyncio.timeout(20):
        while True:
            found = (await caller.get(f"/api/operations/{operation}")).body["operation"]
            if found["status"] not in {"queued", "running", "undoing"}:
                return found
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("action", ["start", "stop", "restart"])
async def test_game_power_is_the_agent_s(hers: World, ann: Caller, action: str) -> None:
    reply = await ann.post(f"{SERVER}/game/{action}")
    assert (reply.status, reply.body) == (200, {"ok": True})
    assert hers.scripts.calls[-1] == (5000, f"/{action}")


async def test_a_busy_agent_is_a_conflict(hers: World, ann: Caller) -> None:
    hers.scripts.manner[5000] = "busy"
    reply = await ann.post(f"{SERVER}/game/restart")
    assert reply.status == 409
    assert reply.body["details"]["error"] == "operation_in_progress"


@pytest.mark.seed("S43", "S44")
async def test_a_host_stops_starts_and_restarts(hers: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    for action, then in (("stop", "stopped"), ("start", "running"), ("restart", "running")):
        reply = await ann.post(f"{SERVER}/host/{action}")
        assert reply.status == 202
        assert reply.body["statusUrl"] == f"{SERVER}/host/status"
        assert reply.body["operation"]["type"] == action
        assert await settled(ann) == then
        assert hers.cluster.ct(5000).status == then


@pytest.mark.seed("S51", "S52")
async def test_one_host_operation_at_a_time(hers: World, ann: Caller) -> None:
    assert hers.cluster.ours() == [5000]
    replies = await asyncio.gather(
        *(ann.post(f"{SERVER}/host/{a}") for a in ("stop", "start", "restart", "stop"))
    )
    assert sorted(reply.status for reply in replies) == [202, 409, 409, 409]
    refused = next(reply for reply in replies if reply.status == 409)
    assert refused.body["error"] == "host_operation_in_progress"
    assert refused.body["details"]["operation"]["vmid"] == 5000


@pytest.mark.parametrize(
    ("action", "shown"), [("stop", "stopping"), ("start", "starting"), ("restart", "restarting")]
)
async def test_a_running_operation_shows_in_the_status(
    hers: World, ann: Caller, action: str, shown: str
) -> None:
    assert hers.cluster.ours() == [5000]
    await ann.post(f"{SERVER}/host/{action}")
    assert (await ann.get(f"{SERVER}/host/status")).body["hostStatus"] == shown
    assert (await ann.get("/api/servers")).body["servers"][0]["hostStatus"] == shown


async def test_a_failed_host_operation_gives_the_key_back(hers: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    hers.cluster.ct(5000).status = "stopped"
    hers.cluster.ct(5000).start_error = "no space left"
    reply = await ann.post(f"{SERVER}/host/start")
    assert await settled(ann) == "stopped"
    operation = await ended(ann, reply.body["operation"]["id"])
    assert operation["status"] == "failed"
    assert "no space left" in operation["error"]["message"]


async def test_a_host_that_does_not_end_is_stopped(hers: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    hers.cluster.fail("POST", "/status/shutdown", 500, "shutdown timed out")
    await ann.post(f"{SERVER}/host/stop")
    assert await settled(ann) == "stopped"


async def test_the_host_s_figures(hers: World, ann: Caller) -> None:
    assert hers.cluster.ours() == [5000]
    found = (await ann.get(f"{SERVER}/host/status")).body
    assert (found["hostStatus"], found["powerState"], found["running"]) == ("running", "running", True)
    assert found["maxmem"] == 1024 * 1024 * 1024


@pytest.mark.seed("S54")
@pytest.mark.parametrize("path", ["game/start", "game/stop", "host/start", "host/stop", "host/restart"])
async def test_another_s_power_is_not_there(hers: World, bob: Caller, anyone: Caller, path: str) -> None:
    hers.cluster.requests.clear()
    assert (await bob.post(f"{SERVER}/{path}")).status == 404
    assert (await anyone.post(f"{SERVER}/{path}")).status == 401
    assert list(hers.cluster.requests) == []


@pytest.mark.parametrize("path", ["game/explode", "host/delete"])
async def test_an_action_that_is_none(hers: World, ann: Caller, path: str) -> None:
    assert hers.cluster.ours() == [5000]
    reply = await ann.post(f"{SERVER}/{path}")
    assert (reply.status, reply.body["error"]) == (400, "invalid_request")
