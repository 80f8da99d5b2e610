"""The poll client against servers that behave, misbehave, and break off: raw sockets, not our own server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.support.slowness import slowness
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.agent_poll import AgentPolls, Said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

IP = "127.83.0.1"
PATHS = ["/health", "/ready", "/status"]
Manner = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(body: str, *, status: int = 200, more: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}".encode()


@asynccontextmanager
async def agent(manner: Manner) -> AsyncIterator[tuple[AgentPolls, list[int]]]:
    """Yield a client of one raw server, and a list that grows with each of its connections."""
    connections: list[int] = []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        try:
            await manner(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(served, IP, 0)
    polls = AgentPolls(port=server.sockets[0].getsockname()[1])
    yield polls, connections
    await polls.close()
    server.close()


async def request(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    return head.split(" ")[1]


async def behaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(answer(f"said {await request(reader)}"))


async def test_questions_are_answered_in_order_on_one_connection() -> None:
    async with agent(behaves) as (polls, connections):
        for _ in range(3):
            said = await polls.ask(IP, "t", PATHS, seconds=20)
            assert said == [Said(200, f"said {path}".encode()) for path in PATHS]
    assert len(connections) == 1


async def test_a_real_server_takes_pipelined_questions() -> None:
    async def handle(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer t"
        return web.json_response({"path": request.path}, status=503 if request.path == "/ready" else 200)

    app = web.Application()
    app.router.add_get("/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, IP, 0).start()
    polls = AgentPolls(port=runner.addresses[0][1])
    said = [one for one in await polls.ask(IP, "t", PATHS, seconds=20) if one]
    await polls.close()
    await runner.cleanup()
    assert [(one.status, one.body) for one in said] == [
        (200, b'{"path": "/health"}'), (503, b'{"path": "/ready"}'), (200, b'{"path": "/status"}'),
    ]  # fmt: skip


async def test_a_server_that_closes_after_each_answer_is_asked_on() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await request(reader), more="Connection: close\r\n"))
        await writer.drain()

    async with agent(once) as (polls, connections):
        said = await polls.ask(IP, "t", PATHS, seconds=20)
    assert [one and one.body.decode() for one in said] == PATHS
    assert len(connections) == 3


async def test_a_kept_connection_that_was_closed_is_made_anew() -> None:
    async def three(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in PATHS:
            writer.write(answer(await request(reader)))
        await writer.drain()  # and closes, without having said so

    async with agent(three) as (polls, connections):
        for _ in range(3):
            assert None not in await polls.ask(IP, "t", PATHS, seconds=20)
            await asyncio.sleep(0)
    assert len(connections) == 3


async def test_what_was_answered_before_the_silence_counts() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await request(reader)))
        await reader.read()  # until we give up

    async with agent(silent) as (polls, connections):
        assert await polls.ask(IP, "t", PATHS, seconds=1) == [Said(200, b"/health"), None, None]
        await polls.ask(IP, "t", PATHS[:1], seconds=20)
    assert len(connections) == 2, "a connection with a question open is not kept"


@pytest.mark.parametrize("first", [b"\x00\xff{{{", b"GET / HTTP/1.1\r\n\r\n", b"HTTP/9.9 what\r\n\r\n"])
async def test_what_is_no_http_is_refused(first: bytes) -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(first)
        await reader.read()

    async with agent(garbage) as (polls, _):
        with pytest.raises(ForeignError, match="did not speak HTTP"):
            await polls.ask(IP, "t", PATHS, seconds=20)


async def test_a_flood_is_cut_off() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            sent += 65536
            await writer.drain()

    async with agent(flood) as (polls, _):
        with pytest.raises(ForeignError, match="sent too much"):
            await polls.ask(IP, "t", PATHS, seconds=20)
    assert sent < 64 << 20


async def test_an_answer_nobody_asked_for_ends_the_connection() -> None:
    async def eager(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = await request(reader)
        writer.write(answer(path) + answer('{"ready":true}'))
        await reader.read()

    async with agent(eager) as (polls, connections):
        for _ in range(2):
            assert await polls.ask(IP, "t", ["/ready"], seconds=20) == [Said(200, b"/ready")]
    assert len(connections) == 2


async def test_a_redirect_is_an_answer_like_any_other() -> None:
    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request(reader)
            writer.write(answer("", status=302, more="Location: http://127.0.0.1:1/\r\n"))

    async with agent(elsewhere) as (polls, _):
        assert await polls.ask(IP, "t", ["/status"], seconds=20) == [Said(302, b"")]


async def test_an_interim_answer_is_passed_over() -> None:
    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(await request(reader)))
        await reader.read()

    async with agent(patient) as (polls, _):
        assert await polls.ask(IP, "t", ["/status"], seconds=20) == [Said(200, b"/status")]


async def test_a_silent_one_costs_its_budget_and_no_more() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()

    began = time.monotonic()
    async with agent(deaf) as (polls, _):
        with pytest.raises(ForeignError, match="in time"):
            await polls.ask(IP, "t", PATHS, seconds=0.3)
    assert time.monotonic() - began < 2 * slowness()


async def test_a_closed_port_says_so() -> None:
    with pytest.raises(ForeignError, match="cannot be reached"):
        await AgentPolls(port=9).ask(IP, "t", PATHS, seconds=1)
