"""Players find their server by the name they typed."""

from __future__ import annotations

import asyncio
import hashlib
import os
from typing import TYPE_CHECKING

import pytest
from mcstatus import JavaServer, LegacyServer
from mcstatus._net.address import Address
from mcstatus._protocol.io.connection import TCPAsyncSocketConnection
from mcstatus._protocol.java_client import AsyncJavaClient
from tests.edge.world import HOST, Door, GameServer, closing, eventually, game_server, login

from zpack.wire import minecraft as mc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.mark.parametrize(
    "host",
    [
        "mc-alpha",
        "mc-alpha.zpack.localhost",
        "MC-Alpha.zpack.localhost.",
        "mc-alpha.play.example.org",
        "mc-alpha.zpack.localhost\0FML3\0",
        "mc-alpha.zpack.localhost///10.0.0.1:4711///1700000000",
    ],
)
async def test_every_form_of_the_name_leads_to_the_server(door: Door, alpha: GameServer, host: str) -> None:
    assert (await door.status(host))["description"] == "alpha"
    assert alpha.seen[-1].address == host


@pytest.mark.parametrize("host", ["", "alpha", "xmc-alpha.zpack.localhost", "zpack.localhost", "x.mc-alpha"])
@pytest.mark.usefixtures("alpha")
async def test_an_unknown_name_is_told_so(door: Door, host: str) -> None:
    document = await door.status(host)
    assert document["zpack"] == {"state": "unknown"}
    assert "server" in document["description"]["text"]
    assert "server" in await door.refused(host)


async def test_a_dotted_name_is_found_below_the_domain(door: Door) -> None:
    async with game_server("beta") as beta:
        await door.register("eu.beta", beta.port)
        assert (await door.status("eu.beta.zpack.localhost"))["description"] == "beta"


@pytest.mark.usefixtures("alpha")
async def test_mcstatus_reads_a_server_through_the_edge(door: Door) -> None:
    async with TCPAsyncSocketConnection(Address(HOST, door.port), 5) as connection:
        client = AsyncJavaClient(connection, Address("mc-alpha.zpack.localhost", door.port), version=47)
        await client.handshake()
        status = await client.read_status()
        await client.test_ping()
    assert (status.motd.to_plain(), status.players.max) == ("alpha", 7)


async def test_mcstatus_reads_our_own_answer(door: Door) -> None:
    server = JavaServer(HOST, door.port)
    status = await server.async_status()
    assert "no server" in status.motd.to_plain()
    assert await server.async_ping() > 0


async def test_mcstatus_reads_our_answer_to_an_old_client(door: Door) -> None:
    status = await LegacyServer(HOST, door.port).async_status()
    assert status.players.max == 0
    assert "server" in status.motd.to_plain()


@pytest.mark.parametrize("raw", [b"\xfe", b"\xfe\x01", mc.legacy_ping(host="nobody", port=1)])
async def test_old_clients_get_the_kick_they_understand(door: Door, raw: bytes) -> None:
    answer = await door.send(raw)
    assert answer[0] == 0xFF
    assert len(answer) == 3 + 2 * int.from_bytes(answer[1:3], "big")


async def test_a_known_server_that_refuses_is_starting(door: Door) -> None:
    async with game_server("gone") as gone:
        pass
    await door.register("mc-gone", gone.port)
    document = await door.status("mc-gone.zpack.localhost")
    assert document["zpack"] == {"state": "starting"}
    assert document["version"]["protocol"] == -1
    assert "is starting, try again" in await door.refused("mc-gone.zpack.localhost")


@pytest.fixture
async def rude(door: Door) -> AsyncIterator[GameServer]:
    async with game_server("rude", rude=True) as game:
        await door.register("mc-rude", game.port)
        yield game


async def test_a_server_that_hangs_up_without_a_word_is_starting(door: Door, rude: GameServer) -> None:
    assert (await door.status("mc-rude"))["zpack"] == {"state": "starting"}
    assert "is starting" in await door.refused("mc-rude")
    assert len(rude.seen) >= 2


@pytest.mark.usefixtures("alpha")
async def test_two_servers_share_a_port_and_fifty_players_find_theirs(door: Door) -> None:
    async with game_server("beta") as beta:
        await door.register("mc-beta", beta.port)

        async def play(number: int) -> bool:
            name = ("alpha", "beta")[number % 2]
            greeting, reader, writer = await door.join(f"mc-{name}.zpack.localhost")
            async with closing(writer):
                writer.write(mine := os.urandom(2000))
                return greeting == name and (await reader.readexactly(2000)) == mine

        assert all(await asyncio.gather(*(play(number) for number in range(50))))


@pytest.mark.usefixtures("alpha")
async def test_ten_megabytes_arrive_whole_both_ways(door: Door) -> None:
    _, reader, writer = await door.join("mc-alpha")
    async with closing(writer), asyncio.timeout(60), asyncio.TaskGroup() as group:
        data = os.urandom(10 * 1024 * 1024)
        group.create_task(_send(writer, data))
        back = await reader.readexactly(len(data))
    assert hashlib.sha256(back).digest() == hashlib.sha256(data).digest()


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def test_the_handshake_arrives_as_it_was_sent(door: Door, alpha: GameServer) -> None:
    raw = login("mc-alpha.zpack.localhost\0FML2\0")
    await door.send(raw, limit=5)
    assert alpha.raw[-1] == raw


@pytest.mark.usefixtures("alpha")
async def test_both_ends_end_together(door: Door) -> None:
    assert door.edge is not None
    _, _, writer = await door.join("mc-alpha")
    assert door.edge.players.connections >= 1
    async with closing(writer):
        pass
    await eventually(lambda: door.edge is not None and door.edge.players.connections == 0)


@pytest.mark.usefixtures("alpha")
async def test_a_half_close_still_brings_the_answer(door: Door) -> None:
    _, reader, writer = await door.join("mc-alpha")
    async with closing(writer), asyncio.timeout(60):
        writer.write(b"last words")
        writer.write_eof()
        assert (await reader.read()).endswith(b"last words")


@pytest.mark.usefixtures("alpha")
async def test_unregistering_closes_the_door_but_not_the_game(door: Door) -> None:
    _, reader, writer = await door.join("mc-alpha")
    async with closing(writer), asyncio.timeout(60):
        assert (await door.post("unregister", json={"server_name": "mc-alpha"}))[0] == 200
        assert "no server" in await door.refused("mc-alpha")
        writer.write(b"still here")
        assert await reader.readexactly(10) == b"still here"
