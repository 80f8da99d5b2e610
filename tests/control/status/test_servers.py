"""``GET /api/servers`` and its kin, fed by real stores and scripted counterparts."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.control.provisioning.world import World
    from tests.support.http import Caller

NAME = "mc-flying-squid-5000"
FIELDS = {
    "id", "name", "category", "runtime", "flavor", "version", "status", "hostStatus", "powerState",
    "hostOperation", "agentStatus", "installStep", "crashCount", "lastSeen", "agentReady", "ready",
    "connection", "address", "plan", "suspended",
}  # fmt: skip


async def mine(world: World, caller: Caller, vmid: int = 5000) -> None:
    """Create a server for a caller and let it be polled."""
    user = (await caller.get("/api/auth/me")).body["user"]["id"]
    await world.created(vmid, owner=user)
    await world.look()


async def status(caller: Caller) -> dict[str, Any]:
    reply = await caller.get("/api/servers/5000/status")
    assert reply.status == 200, reply
    return reply.body


async def test_nobody_s_list_is_empty(ann: Caller) -> None:
    assert (await ann.get("/api/servers")).body == {"servers": []}


@pytest.mark.seed("S53")
async def test_a_server_in_the_list(world: World, ann: Caller) -> None:
    await mine(world, ann)
    (server,) = (await ann.get("/api/servers")).body["servers"]
    assert set(server) >= FIELDS
    assert (server["id"], server["name"], server["category"]) == ("5000", NAME, "GAME")
    assert (server["runtime"], server["flavor"], server["version"]) == ("minecraft", "flying-squid", "1.21.4")
    assert (server["status"], server["hostStatus"], server["agentReady"]) == ("running", "running", True)
    assert server["address"] == f"{NAME}.zpack.localhost"
    assert server["connection"]["connectable"] is True


async def test_the_list_is_oldest_first_and_one_s_own(world: World, ann: Caller, bob: Caller) -> None:
    await mine(world, ann, 5001)
    await mine(world, bob, 5002)
    await mine(world, ann, 5000)
    assert [s["id"] for s in (await ann.get("/api/servers")).body["servers"]] == ["5001", "5000"]


@pytest.mark.seed("S39")
async def test_one_status_has_the_records_of_edge_and_proxy(world: World, ann: Caller) -> None:
    await mine(world, ann)
    found = await status(ann)
    assert found["edge"]["state"] == "published"
    assert found["proxy"] is None
    assert found["readySource"] == "minecraft_ping"
    assert {entry["source"] for entry in found["connection"]["evidence"]} >= {"agent", "edge", "proxy"}


async def test_an_agent_that_is_not_ready_is_not_connectable(world: World, ann: Caller) -> None:
    await mine(world, ann)
    world.scripts.manner[5000] = "never"
    await world.look()
    found = await status(ann)
    assert (found["agentReady"], found["connectable"]) == (False, False)
    assert found["connection"]["state"] == "starting"


async def test_a_proxy_that_forgot_the_server(world: World, ann: Caller) -> None:
    await mine(world, ann)
    world.edge.servers = {"other": {"name": "other", "address": "10.0.0.1", "port": 1}}
    world.edge.forgetful = True
    await world.look()
    assert (await status(ann))["connection"]["state"] == "not_registered"


async def test_a_stopped_host(world: World, ann: Caller) -> None:
    await mine(world, ann)
    world.cluster.ct(5000).status = "stopped"
    await world.look()
    found = await status(ann)
    assert (found["status"], found["hostStatus"], found["powerState"]) == ("stopped", "stopped", "stopped")
    assert found["connectable"] is False


async def test_the_list_needs_neither_cluster_nor_proxy_nor_agent(world: World, ann: Caller) -> None:
    await mine(world, ann)
    world.cluster.requests.clear()
    world.edge.headers.clear()
    world.scripts.calls.clear()
    assert (await ann.get("/api/servers")).body["servers"][0]["connection"]["connectable"] is True
    assert (await status(ann))["connectable"] is True
    assert (list(world.cluster.requests), world.edge.headers, world.scripts.calls) == ([], [], [])


@contextmanager
def statements() -> Iterator[list[str]]:
    """Note every statement of SQL sent while it is open."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_a_long_list_takes_as_many_statements_as_a_short_one(world: World, ann: Caller) -> None:
    counts: dict[int, tuple[int, int]] = {}
    for vmid in range(5000, 5012):
        await mine(world, ann, vmid)
        with statements() as changed:
            assert len((await ann.get("/api/servers")).body["servers"]) == vmid - 4999
        with statements() as unchanged:
            await ann.get("/api/servers")
        counts[vmid] = len(changed), len(unchanged)
    assert set(counts.values()) == {(3, 2)}  # who asks, which servers, and the changed rows


async def test_what_nobody_has_looked_at_for_a_while_is_unknown(world: World, ann: Caller) -> None:
    await mine(world, ann)
    await world.clients.redis.flushall()
    (server,) = (await ann.get("/api/servers")).body["servers"]
    assert (server["powerState"], server["agentStatus"], server["lastSeen"]) == (None, "offline", None)
    assert server["connection"]["state"] == "offline"


@pytest.mark.parametrize(
    "path", ["servers/5000", "servers/5000/status", "servers/5000/host/status", "game/servers/5000/players"]
)
async def test_another_s_server_is_a_missing_one(world: World, ann: Caller, bob: Caller, path: str) -> None:
    await mine(world, ann)
    assert (await ann.get(f"/api/{path}")).status == 200
    theirs, absent = await bob.get(f"/api/{path}"), await bob.get(f"/api/{path.replace('5000', '5001')}")
    assert theirs.status == absent.status == 404
    assert theirs.body["error"] == absent.body["error"] == "server_not_found"


@pytest.mark.parametrize("number", ["abc", "9001", "0", "-1", "5000x", "1e3", "99999999999999999999"])
async def test_an_id_that_is_none(ann: Caller, number: str) -> None:
    reply = await ann.get(f"/api/servers/{number}/status")
    assert (reply.status, reply.body["error"]) == (404, "server_not_found")


async def test_players_come_from_the_agent_s_last_word(world: World, ann: Caller) -> None:
    await mine(world, ann)
    reply = await ann.get("/api/game/servers/5000/players")
    assert reply.body == {"online": 1, "max": 20, "players": ["Ada"]}
    (server,) = (await ann.get("/api/servers")).body["servers"]
    assert server["players"] == {"online": 1, "max": 20}
    world.scripts.manner[5000] = "never"
    await world.look()
    (server,) = (await ann.get("/api/servers")).body["servers"]
    assert server["players"] is None


@pytest.mark.parametrize("path", ["/api/servers", "/api/servers/5000", "/api/servers/5000/status"])
async def test_strangers_are_turned_away(anyone: Caller, path: str) -> None:
    assert (await anyone.get(path)).status == 401
