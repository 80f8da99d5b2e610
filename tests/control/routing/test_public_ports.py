"""Every game that is not Minecraft has a public port of its own, for as long as there is such a server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.control.provisioning.world import run, unwind
from tests.control.routing.games import asked
from zpack.control.provisioning.ports import PortsExhausted
from zpack.control.routing import store
from zpack.control.routing.models import PortRange, Wanted, each_port, parse_ranges

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.db.session import Database
    from zpack.control.engine.steps import State
    from zpack.control.worker import Worker

WANTED = {"game": "terraria", "variant": "server", "version": "1", "artifactPath": "t/server.tar.gz"}


def terraria(vmid: int, *, needed: int = 0) -> State:
    return asked("terraria", vmid, needed=needed)


async def taken(database: Database) -> list[tuple[str, int, int]]:
    async with database.reading() as session:
        rows = await session.execute(text("select protocol, number, vmid from public_ports order by 1, 2"))
        return [tuple(row) for row in rows]


@pytest.mark.seed("S10")
async def test_two_servers_of_one_game_have_two_ports(world: World, database: Database) -> None:
    for vmid in (5000, 5001):
        await run(world.create, terraria(vmid), repeat=True)
    assert await taken(database) == [("tcp", 7777, 5000), ("tcp", 30000, 5001)]
    assert (await world.row(5001)).allocated_ports == {"game": [7777], "public": {"7777": 30000}}
    assert world.scripts.configured[5001]["ports"] == [7777]


async def test_a_game_with_several_ports(world: World) -> None:
    await run(world.create, terraria(5000, needed=2))
    assert (await world.row(5000)).allocated_ports["public"] == {"7777": 7777, "7778": 30000}


async def test_a_deleted_server_s_ports_are_free_again(world: World, database: Database) -> None:
    state = await run(world.create, terraria(5000))
    await run(world.delete, {**state, "operation_id": "op_delete"}, repeat=True)
    assert await taken(database) == []


async def test_no_port_is_left_after_a_failure_anywhere(world: World, database: Database) -> None:
    for done in range(1, len(world.create) + 1):
        state = await run(world.create[:done], terraria(5000 + done))
        assert len(await taken(database)) == 1
        await unwind(world.create[:done], state)
        assert await taken(database) == [], f"left after {world.create[done - 1].name}"


async def test_a_failed_create_gives_nobody_else_s_ports_back(world: World, database: Database) -> None:
    await run(world.create, terraria(5000))
    await unwind(world.create, {**terraria(5000), "operation_id": "op_older", "node": "local"})
    assert await taken(database) == [("tcp", 7777, 5000)]


async def test_when_none_is_left(world: World, database: Database) -> None:
    await run(world.create[:1], terraria(5000, needed=3))
    with pytest.raises(PortsExhausted):
        await run(world.create[:1], terraria(5001))
    assert {vmid for _, _, vmid in await taken(database)} == {5000}


async def test_a_request_takes_the_port_and_a_refused_one_does_not(ann: Caller, database: Database) -> None:
    for _ in range(3):
        assert (await ann.post("/api/instances", WANTED)).status == 202
    reply = await ann.post("/api/instances", WANTED)
    assert (reply.status, reply.body["error"]) == (503, "public_ports_exhausted")
    assert [number for _, number, _ in await taken(database)] == [7777, 30000, 30001]
    async with database.reading() as session:
        assert await session.scalar(text("select count(*) from vmid_reservations")) == 3


async def test_takers_at_the_same_time_meet_no_collision(database: Database) -> None:
    ranges = [PortRange("udp", 30000, 30019)]

    async def take(number: int) -> Any:
        async with database.transaction() as session:
            return await store.take(
                session,
                vmid=number,
                operation_id=str(number),
                wanted=[Wanted("udp", 1, 30007)],
                ranges=ranges,
            )

    found = await asyncio.gather(*(take(number) for number in range(22)))
    assert sorted(one[0].number for one in found if one) == list(range(30000, 30020))
    assert found.count(None) == 2


async def test_the_owner_sees_the_address(worker: Worker, world: World, ann: Caller) -> None:
    assert worker.alive
    for vmid in (5000, 5001):
        assert (await ann.post("/api/instances?wait=60", WANTED)).body["vmid"] == vmid
    seen = (await ann.get("/api/servers")).body["servers"]
    assert [one["address"] for one in seen] == [
        "terraria-5000.zpack.localhost:7777",
        "terraria-5001.zpack.localhost:30000",
    ]
    assert seen[1]["endpoints"] == [
        {"address": seen[1]["address"], "protocol": "tcp", "port": 30000, "target": 7777}
    ]


@pytest.mark.parametrize(
    "ranges", ["30000", "30000/sctp", "0-5/tcp", "9-8/udp", "70000/tcp", "1-9/tcp,9/tcp", "1-65535/tcp", "x"]
)
def test_ranges_that_are_none(ranges: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_ranges(ranges)


def test_ranges() -> None:
    found = parse_ranges(" 30000-30001/tcp+udp, 28015/udp ")
    assert list(each_port(found)) == [
        ("tcp", 30000), ("tcp", 30001), ("udp", 30000), ("udp", 30001), ("udp", 28015),
    ]  # fmt: skip
    assert parse_ranges("") == ()
