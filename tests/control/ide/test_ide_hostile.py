"""A container that does what it likes with HTTP hurts neither the browser's other places nor control."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from tests.support.containers import answering, raw
from tests.support.waiting import eventually
from zpack.control.engine.relay_ws import Ending
from zpack.control.engine.splice import FrameMeter, close_frame

if TYPE_CHECKING:
    from tests.control.ide.conftest import Way
    from tests.support.containers import Container
    from zpack.control.wiring import Api

HEAD = b"HTTP/1.1 200 OK\r\n"
DOUBTFUL = {
    "length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}",
    "the same length twice": HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a list of lengths": HEAD + b"Content-Length: 2, 2\r\n\r\n{}",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n{}",
    "a length with a sign": HEAD + b"Content-Length: +2\r\n\r\n{}",
    "another coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "a space in a name": HEAD + b"X A: b\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon": HEAD + b"Content-Length : 2\r\n\r\n{}",
    "a bare CR": HEAD + b"X-A: b\rSet-Cookie: zlh_dev_ide_token=x\r\nContent-Length: 0\r\n\r\n",
    "NUL": HEAD + b"X-A: b\x00c\r\nContent-Length: 0\r\n\r\n",
    "many headers": HEAD + b"".join(b"X-%d: x\r\n" % n for n in range(500)) + b"\r\n",
    "endless headers": HEAD + b"X-A: " + b"x" * 2_000_000,
    "large headers together": HEAD
    + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 8000) for n in range(20))
    + b"\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing": b"",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    "status 999": b"HTTP/1.1 999 ?\r\nContent-Length: 0\r\n\r\n",
    "status 000": b"HTTP/1.1 000 ?\r\nContent-Length: 0\r\n\r\n",
}


async def test_answers_that_can_be_read_in_two_ways_are_none(way: Way, alpha: Container) -> None:
    for name, answer in DOUBTFUL.items():
        alpha.script["/x"] = raw(answer)
        assert (await way.ask("/x")).status == 502, name
    alpha.script["/x"] = raw(HEAD + b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n")
    assert (await way.ask("/x")).headers["x-a"] == "b c"  # RFC 9112 §5.2 has a fold made a space
    assert (await way.ask("/fine")).status == 200


async def test_a_second_answer_in_the_first_is_nobody_s(way: Way, alpha: Container) -> None:
    """Response smuggling: what comes behind an answer must not answer the next request."""
    alpha.script["/x"] = raw(HEAD + b"Content-Length: 2\r\n\r\nok" + HEAD + b"Content-Length: 5\r\n\r\nstale")
    for _ in range(5):
        assert (await way.ask("/x")).body == b"ok"
        assert b"stale" not in (await way.ask("/next")).body


async def test_requests_that_can_be_read_in_two_ways_are_refused(way: Way, alpha: Container) -> None:
    host, port = way.browser.base.removeprefix("http://").split(":")
    cookie = f"zlh_dev_ide_token={way.browser.cookies['zlh_dev_ide_token']}"
    begin = f"POST {way.prefix}/x HTTP/1.1\r\nHost: {way.host or host}\r\nCookie: {cookie}\r\n"
    for more in (
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "Content-Length: +5\r\n\r\nhello",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        f"Host: {way.host or host}\r\nContent-Length: 0\r\n\r\n",
        "X-A: b\r\n folded\r\nContent-Length: 0\r\n\r\n",
        "X-A : b\r\nContent-Length: 0\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write((begin + more).encode())
        line = await asyncio.wait_for(reader.readline(), 20)
        assert line.split()[1] in {b"400", b"404"}, (more, line)
        writer.close()
        await writer.wait_closed()
    assert alpha.asked == []


async def test_an_endless_answer_ends_with_the_client_s_patience(way: Way, alpha: Container) -> None:
    over = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(65536))
        except (ConnectionError, asyncio.CancelledError):
            over.set()
            raise

    alpha.script["/endless"] = endless
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    request = way.browser.session.get(
        way.browser.base + way.prefix + "/endless",
        headers={"Cookie": f"zlh_dev_ide_token={way.browser.cookies['zlh_dev_ide_token']}"}
        | ({"Host": way.host} if way.host else {}),
    )
    async with request as answer:
        for _ in range(50):
            await answer.content.readany()
        await asyncio.sleep(0.3)  # nobody reads: what the container writes must wait, not pile up
    await asyncio.wait_for(over.wait(), 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


async def test_a_body_that_breaks_off_breaks_off(way: Way, alpha: Container) -> None:
    alpha.script["/x"] = raw(HEAD + b"Content-Length: 99\r\n\r\nhalf")
    with pytest.raises(aiohttp.ClientPayloadError):
        await way.ask("/x")
    alpha.script["/x"] = raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n")
    assert (await way.ask("/x")).status == 502


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\n"
FALSE_SWITCHES = (
    SWITCH + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
    SWITCH + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    SWITCH + b"\r\n",
    b"HTTP/1.1 101\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    b"\x00\x00\r\n\r\n",
    b"",
)


async def test_a_switch_to_something_else_is_none(way: Way, alpha: Container) -> None:
    for answer in FALSE_SWITCHES:
        alpha.script["/ws"] = raw(answer)
        assert await way.refused("/ws") == 502, answer[:80]
    alpha.script["/ws"] = answering(200)
    assert await way.refused("/ws") == 502


async def test_whoever_takes_nothing_stops_the_other(way: Way, alpha: Container, api: Api) -> None:
    """A container that floods a browser that does not read: bounded, and gone with the browser."""
    flooding = asyncio.Event()

    async def flood(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await socket.send_bytes(bytes(1 << 20))
                flooding.set()
        return socket

    alpha.script["/ws"] = flood
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with way.socket("/ws") as socket:
        await flooding.wait()
        await asyncio.sleep(0.5)  # time in which an unbounded relay would pile up hundreds of MiB
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 96 * 1024
        assert len(await socket.receive_bytes()) == 1 << 20
        socket._writer.transport.abort()  # a polite end would first read all that is on its way
    await eventually(lambda: not len(api.ide.relay.passages))


async def test_a_container_that_is_away(way: Way, alpha: Container, clients: object) -> None:
    del clients
    alpha.script["/x"] = raw(b"")
    assert (await way.ask("/x")).status == 502
    assert await way.refused("/x") == 502


def test_the_meter_knows_where_frames_end() -> None:
    frames = [b"\x81\x05hello", b"\x82\x7e\x01\x00" + bytes(256), b"\x82\x7f" + (70000).to_bytes(8, "big") + bytes(70000),
              b"\x81\x85abcdhello", b"\x8a\x00", close_frame(Ending(1000, "x"))]  # fmt: skip
    for size in (1, 2, 3, 7, 100, 65536, 1 << 20):
        meter, stream, ends = FrameMeter(), b"".join(frames), set[int]()
        total = 0
        for frame in frames:
            total += len(frame)
            ends.add(total)
        for at in range(0, len(stream), size):
            meter.feed(stream[at : at + size])
            assert meter.between == (min(at + size, len(stream)) in ends), (size, at)
