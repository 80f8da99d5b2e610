"""An API process that was told to stop answers what had reached it."""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from tests.control.test_program import STOP_SECONDS, control, environment
from tests.support.http import Caller
from tests.support.waiting import eventually
from zpack.control.leaving import backlog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["environment"]
ASKED = b"GET /api/health HTTP/1.1\r\nHost: zpack\r\n"


@pytest.fixture
async def running(environment: dict[str, str]) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    async with control(environment | {"ZPACK_DRAIN_SECONDS": "2", "ZPACK_GRACE_SECONDS": "60"}) as both:
        yield both


async def opened(base: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = base.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


async def test_it_serves_on_while_its_balancer_learns_of_it(
    running: tuple[asyncio.subprocess.Process, str],
) -> None:
    process, base = running
    async with Caller(base) as anyone:
        assert (await anyone.get("/api/ready")).status == 200
        process.send_signal(signal.SIGTERM)
        reply = await eventually(lambda: _leaving(anyone), timeout=STOP_SECONDS)
        assert reply.body["waiting"] == {"process": "leaving"}
        reply = await anyone.get("/api/health")
        assert (reply.status, reply.headers["Connection"]) == (200, "close")
    assert await asyncio.wait_for(process.wait(), STOP_SECONDS) == 0


async def _leaving(anyone: Caller):  # noqa: ANN202 - a reply, or nothing yet
    reply = await anyone.get("/api/ready")
    return reply if reply.status == 503 else None


async def test_a_request_that_was_on_its_way_is_answered(
    running: tuple[asyncio.subprocess.Process, str],
) -> None:
    process, base = running
    reader, writer = await opened(base)
    writer.write(ASKED)
    process.send_signal(signal.SIGTERM)
    await eventually(lambda: _refused(base), timeout=STOP_SECONDS)
    writer.write(b"\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), STOP_SECONDS)
    writer.close()
    assert head.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in head.lower()


async def _refused(base: str) -> bool:
    try:
        _, writer = await opened(base)
    except ConnectionError:
        return True
    writer.close()
    return False


def test_what_the_kernel_accepted_is_taken_before_the_door_closes() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listener:
        callers = [socket.create_connection(listener.getsockname()) for _ in range(3)]
        taken = backlog([listener])
        assert sorted(one.getpeername() for one in taken) == sorted(c.getsockname() for c in callers)
        for one in (*taken, *callers):
            one.close()
