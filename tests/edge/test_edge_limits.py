"""Strangers who are slow, many, rude or noisy."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.world import HOST, MANY, Door, closing, edge_here, eventually, game_server

from zpack.edge.answers import Conversation
from zpack.edge.limits import Counts, Rate, bucket_of
from zpack.edge.proxy_header import build_header, parse_header
from zpack.wire import minecraft as mc

if TYPE_CHECKING:
    from pathlib import Path


ADDRESSES = st.tuples(st.ip_addresses(v=4).map(str), st.integers(0, 65535))
ADDRESSES6 = st.tuples(st.ip_addresses(v=6).map(str), st.integers(0, 65535))


async def ended(reader: asyncio.StreamReader, *, seconds: float = 60.0) -> bool:
    """Wait for the edge's end of the connection; say whether it came without a word."""
    try:
        async with asyncio.timeout(seconds):
            return await reader.read() == b""
    except ConnectionError:
        return True


async def test_a_slow_handshake_runs_out_of_time(tmp_path: Path) -> None:
    async with edge_here(tmp_path, EDGE_HANDSHAKE_SECONDS="0.5") as door:
        reader, writer = await door.connect()
        async with closing(writer), asyncio.TaskGroup() as group:
            dripping = group.create_task(_drip(writer))
            assert await ended(reader)
            dripping.cancel()


async def _drip(writer: asyncio.StreamWriter) -> None:
    for byte in mc.handshake(host="a" * 200, port=1, next_state=1):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.1)


async def test_one_address_may_hold_only_so_many_half_open(tmp_path: Path) -> None:
    async with edge_here(tmp_path, EDGE_MAX_HALF_OPEN_PER_ADDRESS="5", **MANY) as door, _many(door, 5):
        assert door.edge is not None
        await eventually(lambda: door.edge is not None and door.edge.players.half_open == 5)
        reader, writer = await door.connect()
        async with closing(writer):
            assert await ended(reader)


@contextlib.asynccontextmanager
async def _many(door: Door, count: int):  # noqa: ANN202 - a context of open connections
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(count):
            _, writer = await door.connect()
            await stack.enter_async_context(closing(writer))
        yield


async def test_players_in_the_game_are_not_half_open(tmp_path: Path) -> None:
    async with (
        edge_here(tmp_path, EDGE_MAX_HALF_OPEN_PER_ADDRESS="2", EDGE_PING_SECONDS="60", **MANY) as door,
        game_server("alpha") as alpha,
        contextlib.AsyncExitStack() as stack,
    ):
        await door.register("mc-alpha", alpha.port)
        for _ in range(6):
            greeting, _, writer = await door.join("mc-alpha")
            await stack.enter_async_context(closing(writer))
            assert greeting == "alpha"


async def test_one_address_may_hold_only_so_many_connections(tmp_path: Path) -> None:
    limit = {"EDGE_MAX_CONNECTIONS_PER_ADDRESS": "3", "EDGE_PING_SECONDS": "60"}
    async with edge_here(tmp_path, **limit, **MANY) as door, game_server("alpha") as alpha:
        await door.register("mc-alpha", alpha.port)
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(3):
                await stack.enter_async_context(closing((await door.join("mc-alpha"))[2]))
            reader, writer = await door.connect()
            async with closing(writer):
                assert await ended(reader)
        await eventually(lambda: door.edge is not None and door.edge.players.connections == 0)
        _, _, writer = await door.join("mc-alpha")
        writer.close()


async def test_too_many_new_connections_are_dropped(tmp_path: Path) -> None:
    async with edge_here(tmp_path, EDGE_CONNECTIONS_BURST="3", EDGE_CONNECTIONS_PER_SECOND="0.01") as door:
        for _ in range(3):
            assert (await door.status("nobody"))["zpack"] == {"state": "unknown"}
        reader, writer = await door.connect()
        async with closing(writer):
            assert await ended(reader)


@pytest.mark.parametrize("state", [mc.STATUS, mc.LOGIN])
async def test_a_mute_server_counts_as_starting(tmp_path: Path, state: int) -> None:
    answer = {"EDGE_STATUS_ANSWER_SECONDS": "0.3", "EDGE_LOGIN_ANSWER_SECONDS": "0.3"}
    async with edge_here(tmp_path, **answer) as door, game_server("mute", mute=True) as mute:
        await door.register("mc-mute", mute.port)
        if state == mc.STATUS:
            assert (await door.status("mc-mute"))["zpack"] == {"state": "starting"}
        else:
            assert "is starting" in await door.refused("mc-mute")


async def test_an_idle_game_ends(tmp_path: Path) -> None:
    async with edge_here(tmp_path, EDGE_IDLE_SECONDS="0.3") as door, game_server("alpha") as alpha:
        await door.register("mc-alpha", alpha.port)
        _, reader, writer = await door.join("mc-alpha")
        async with closing(writer):
            assert await ended(reader)


async def test_a_player_who_does_not_read_stops_the_server_from_sending(door: Door) -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        is_player = (await reader.read(100)).endswith(b"\x02")
        with contextlib.suppress(ConnectionError):
            while is_player and sent < 64 * 1024 * 1024:
                writer.write(bytes(65536))
                await writer.drain()
                sent += 65536
        writer.close()

    server = await asyncio.start_server(flood, HOST, 0)
    async with server:
        await door.register("mc-flood", server.sockets[0].getsockname()[1])
        _, writer = await door.connect()
        async with closing(writer):
            writer.write(mc.handshake(host="mc-flood", port=1, next_state=2))
            await eventually(lambda: sent > 0)
            assert await _settled(lambda: sent) < 32 * 1024 * 1024


async def _settled(number) -> int:  # noqa: ANN001 - a callable
    """Return a number once it stays the same for a while."""
    before = -1
    while before != (now := number()):
        before = now
        await asyncio.sleep(0.3)
    return before


async def test_noise_never_hurts_the_door(door: Door) -> None:
    noise = random.Random(7)
    for _ in range(60):
        with contextlib.suppress(ConnectionError):
            reader, writer = await door.connect()
            async with closing(writer):
                writer.write(noise.randbytes(noise.randrange(1, 3000)))
                writer.write_eof()
                await asyncio.wait_for(reader.read(), 60)
    await eventually(lambda: door.edge is not None and door.edge.players.connections == 0)
    assert (await door.status("nobody"))["zpack"] == {"state": "unknown"}


@given(st.lists(st.binary(max_size=50), max_size=5), st.sampled_from([1, 2]))
def test_a_conversation_refuses_noise_with_one_error(noise: list[bytes], state: int) -> None:
    conversation = Conversation(mc.Handshake(47, "x\u00a7\n", 1, state), state="unknown")
    try:
        for data in noise:
            conversation.receive(data)
    except mc.ProtocolError:
        return


# --- PROXY protocol


@given(ADDRESSES, ADDRESSES, st.binary(max_size=10))
def test_a_header_comes_back(source: tuple[str, int], here: tuple[str, int], rest: bytes) -> None:
    raw = build_header(source, here)
    parsed = parse_header(raw + rest)
    assert parsed is not None
    assert (parsed.peer, parsed.consumed) == (source, len(raw))
    assert all(parse_header(raw[:cut]) is None for cut in range(len(raw)))


@given(ADDRESSES6, ADDRESSES6)
def test_a_header_of_ipv6_comes_back(source: tuple[str, int], here: tuple[str, int]) -> None:
    parsed = parse_header(build_header(source, here))
    assert parsed is not None
    assert parsed.peer == source


@given(st.binary(max_size=60), st.booleans())
def test_noise_in_a_header_raises_one_error(noise: bytes, signed: bool) -> None:
    try:
        parse_header(build_header(None, None)[:12] + noise if signed else noise)
    except mc.ProtocolError:
        return


async def test_backends_learn_the_address_a_trusted_proxy_told(tmp_path: Path) -> None:
    trust = {"EDGE_PROXY_PROTOCOL_FROM": f"{HOST}/32,127.0.0.0/8", "EDGE_PROXY_PROTOCOL_TO_BACKENDS": "1"}
    async with (
        edge_here(tmp_path, EDGE_PING_SECONDS="60", **trust) as door,
        game_server("alpha", prefix=28) as alpha,
    ):
        await door.register("mc-alpha", alpha.port)
        header = build_header(("203.0.113.9", 4711), ("198.51.100.1", 25565))
        await door.send(header + mc.status_request(host="mc-alpha", port=1), limit=5)
        told = [parsed.peer for raw in alpha.raw if (parsed := parse_header(raw)) is not None]
    assert ("203.0.113.9", 4711) in told


async def test_a_trusted_proxy_must_say_whom_it_speaks_for(tmp_path: Path) -> None:
    async with edge_here(tmp_path, EDGE_PROXY_PROTOCOL_FROM="127.0.0.0/8") as door:
        reader, writer = await door.connect()
        async with closing(writer):
            writer.write(mc.status_request(host="mc-alpha", port=1))
            assert await ended(reader)


async def test_strangers_cannot_claim_an_address(tmp_path: Path) -> None:
    async with edge_here(tmp_path, EDGE_PROXY_PROTOCOL_FROM="10.0.0.0/8") as door:
        reader, writer = await door.connect()
        async with closing(writer):
            writer.write(build_header(("203.0.113.9", 1), ("198.51.100.1", 2)))
            assert await ended(reader)


# --- the counters alone


def test_tokens_come_back_with_time() -> None:
    now = [0.0]
    rate = Rate(rate=2, burst=3, clock=lambda: now[0])
    assert [rate.allow("a") for _ in range(4)] == [True, True, True, False]
    assert rate.allow("b")
    now[0] = 1.0
    assert [rate.allow("a") for _ in range(3)] == [True, True, False]


def test_half_open_connections_are_given_back() -> None:
    counts = Counts(total=3, per_address=2)
    assert [counts.enter("a"), counts.enter("a"), counts.enter("a")] == [True, True, False]
    assert [counts.enter("b"), counts.enter("c")] == [True, False]
    counts.leave("a")
    assert counts.enter("c")
    assert len(counts) == 3


@pytest.mark.parametrize(
    ("address", "bucket"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1:2", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_one_stranger_is_one_bucket(address: str, bucket: str) -> None:
    assert bucket_of(address) == bucket
    assert ipaddress.ip_network(bucket)
