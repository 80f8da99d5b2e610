"""Game power through the agent, host power through Proxmox."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.waiting import eventually
from zpack.control.engine.errors import ForeignError
from zpack.control.operations.store import list_active, set_finished

if TYPE_CHECKING:
    from tests.control.provisioning.counterparts import Counterparts
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.db.session import AsyncSession
    from zpack.control.wiring import Api
    from zpack.control.worker import Worker

SERVER = "/api/servers/5000"
NAME = "mc-flying-squid-5000"


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


@pytest.mark.seed("S43", "S44", "S47", "S48", "S49", "S50")
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
    assert refused.body["operation"]["vmid"] == 5000


@pytest.mark.parametrize(
    ("action", "shown"), [("stop", "stopping"), ("start", "starting"), ("restart", "restarting")]
)
@pytest.mark.seed("S46", "S52", "S53")
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


class TestShutdownTimeout:
    """``PVE_SHUTDOWN_TIMEOUT`` is what Proxmox gives a container to end."""

    @pytest.fixture
    def extra(self, others: Counterparts) -> dict[str, Any]:
        return {**others.settings, "proxmox_shutdown_seconds": 7}

    async def test_it_is_handed_on(self, hers: World) -> None:
        (stop, *_) = hers.workflows["host-stop"].steps
        await stop.do({"vmid": 5000, "customer_id": None, "operation_id": "op_1"})
        asked = [str(body) for _, path, body in hers.cluster.requests if str(path).endswith("/shutdown")]
        assert asked
        assert "timeout=7" in asked[0]


async def test_a_shutdown_that_is_refused_to_us_kills_nothing(hers: World) -> None:
    hers.cluster.fail("POST", "/status/shutdown", 403, "Permission check failed (/vms/5000, VM.PowerMgmt)")
    (stop, *_) = hers.workflows["host-stop"].steps
    with pytest.raises(ForeignError):
        await stop.do({"vmid": 5000, "customer_id": None, "operation_id": "op_1"})
    assert hers.cluster.ct(5000).status == "running"


@pytest.mark.seed("S43", "S45")
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


@pytest.mark.seed("S55")
async def test_a_guest_that_moved_is_found_where_it_is(hers: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    hers.cluster.add_node("pve2")
    hers.cluster.ct(5000).node = "pve2"
    found = (await ann.get(f"{SERVER}/host/status")).body
    assert (found["node"], found["powerState"]) == ("pve2", "running")
    operation = (await ann.post(f"{SERVER}/host/stop")).body["operation"]["id"]
    assert await settled(ann) == "stopped"
    assert (await ended(ann, operation))["status"] == "succeeded"
    assert "/nodes/pve2/lxc/5000/status/shutdown" in str(list(hers.cluster.requests))


@pytest.mark.seed("S44")
async def test_power_is_not_the_game_s_state(hers: World, ann: Caller) -> None:
    hers.scripts.manner[5000] = "never"
    await hers.look()
    found = (await ann.get(f"{SERVER}/status")).body
    assert (found["powerState"], found["hostStatus"], found["status"]) == ("running", "running", "starting")


async def test_a_container_that_is_gone_is_missing(hers: World, ann: Caller) -> None:
    hers.cluster.cts[:] = [ct for ct in hers.cluster.cts if ct.vmid != 5000]
    found = (await ann.get(f"{SERVER}/host/status")).body
    assert (found["powerState"], found["hostStatus"], found["running"]) == ("missing", "stopped", False)


async def test_an_address_that_changed_with_the_start_is_noted(
    hers: World, worker: Worker, ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worker.alive
    monkeypatch.setitem(hers.cluster.addresses, 5000, "127.82.99.99")
    operation = (await ann.post(f"{SERVER}/host/restart")).body["operation"]["id"]
    assert (await ended(ann, operation))["status"] == "succeeded"
    assert (await hers.row(5000)).ip == "127.82.99.99"
    await eventually(lambda: hers.edge.servers[NAME]["address"] == "127.82.99.99", what="the proxy to follow")


# --- the key of a host operation ---------------------------------------------------------------


@pytest.mark.seed("S52")
async def test_the_key_lives_while_the_row_does(hers: World, ann: Caller) -> None:
    redis = hers.clients.redis
    operation = (await ann.post(f"{SERVER}/host/stop")).body["operation"]
    assert 15 < await redis.ttl("hostop:5000") <= 300
    await redis.delete("hostop:5000")
    await hers.keys.tick()
    assert (await ann.get(f"{SERVER}/host/status")).body["operation"]["id"] == operation["id"]
    assert (await ann.post(f"{SERVER}/host/start")).status == 409


async def test_a_key_taken_again_after_its_last_step_is_given_back(hers: World, ann: Caller) -> None:
    operation = (await ann.post(f"{SERVER}/host/stop")).body["operation"]["id"]
    await hers.keys.tick()
    async with hers.clients.database.transaction() as session:
        await set_finished(session, operation, status="succeeded", result={}, error=None)
    await hers.keys.tick()
    assert (await ann.get(f"{SERVER}/host/status")).body["operation"] is None


async def test_what_is_written_beside_an_operation_fails_with_it(hers: World, api: Api) -> None:
    async def fails(session: AsyncSession, operation_id: str) -> None:
        raise ConnectionError(operation_id)

    row = await hers.row(5000)
    with pytest.raises(ConnectionError):
        await api.power.begin(row, "stop", actor="billing", request_id="req_1", also=fails)
    async with hers.clients.database.transaction() as session:
        assert not await list_active(session, ["host-stop"])
    assert await hers.stores.running.get_one(5000) is None


async def test_a_key_without_a_row_blocks_but_a_moment(hers: World, ann: Caller) -> None:
    claimed = await hers.stores.running.claim(5000, {"id": "op_of_a_dead_process", "type": "stop"})
    assert claimed
    assert (await ann.post(f"{SERVER}/host/start")).status == 409
    assert 0 < await hers.clients.redis.ttl("hostop:5000") <= 15


async def test_an_ended_operation_does_not_keep_its_key(hers: World, ann: Caller) -> None:
    operation = (await ann.post(f"{SERVER}/host/stop")).body["operation"]
    async with hers.clients.database.transaction() as session:
        await set_finished(session, operation["id"], status="failed", result={}, error=None)
    await hers.stores.running.release(5000, operation["id"])
    await hers.keys.tick()
    assert (await ann.post(f"{SERVER}/host/start")).status == 202


async def test_one_s_key_is_not_another_s_to_give_back(hers: World, ann: Caller) -> None:
    operation = (await ann.post(f"{SERVER}/host/stop")).body["operation"]
    await hers.stores.running.release(5000, "op_another")
    assert (await hers.stores.running.get_one(5000) or {})["id"] == operation["id"]
