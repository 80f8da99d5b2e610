"""An agent that does what it likes on its console socket hurts neither control nor another stream."""

from __future__ import annotations

import asyncio
import resource
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.control.console.test_console_rights import STREAM, look, talkative, with_token
from tests.support.sockets import refused
from tests.support.waiting import eventually
from zpack.control.console import streams
from zpack.control.engine import relay_ws
from zpack.control.engine.relay_ws import Patience
from zpack.wire.console import FRAMED, MAX_FRAME, PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.wiring import Api

OTHER = STREAM.replace("5000", "5001")


@pytest.fixture
async def two(world: World, ann: Caller, bob: Caller) -> World:
    """Ann's agent, 5000, is hostile; Bob's is not."""
    await world.created(5000, owner=(await ann.get("/api/auth/me")).body["user"]["id"])
    await world.created(5001, owner=(await bob.get("/api/auth/me")).body["user"]["id"])
    return world


def both(world: World, hostile: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await (hostile if request.query["serverId"] == "5000" else talkative)(request)

    world.scripts.console = answer


async def upgraded(request: web.Request, **how: Any) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=PROTOCOLS, compress=False, **how)
    await socket.prepare(request)
    return socket


async def closes_at_once(request: web.Request) -> web.StreamResponse:
    socket = await upgraded(request)
    await socket.close(code=4401, message=b"token_expired")
    return socket


async def breaks_off(request: web.Request) -> web.StreamResponse:
    socket = await upgraded(request)
    assert request.transport
    request.transport.abort()
    return socket


async def answers_200(request: web.Request) -> web.StreamResponse:
    return web.Response(text="no socket here" * 1000)


async def answers_401(request: web.Request) -> web.StreamResponse:
    return web.Response(status=401)


async def endless_refusal(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=500)
    await response.prepare(request)
    for _ in range(400):
        await response.write(b"x" * 65536)
    return response


async def redirects(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": f"http://{request.host}/steal"})


async def another_protocol(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=("other",))
    await socket.prepare(request)
    await socket.receive()
    return socket


async def huge_frame(request: web.Request) -> web.StreamResponse:
    socket = await upgraded(request)
    await socket.send_str("x" * (MAX_FRAME + 1))
    return socket


async def garbage(request: web.Request) -> web.StreamResponse:
    socket = await upgraded(request)
    assert request.transport
    request.transport.write(b"\xff\x00\x17garbage" * 50)  # pyright: ignore[reportAttributeAccessIssue]
    await asyncio.sleep(5)
    return socket


async def no_text(request: web.Request) -> web.StreamResponse:
    socket = await upgraded(request)
    await socket.send_bytes(b"\x00\xff")
    await socket.receive()
    return socket


LOST = (1011, "agent_lost")
FAILED = (1011, "upstream_failed")


@pytest.mark.parametrize(
    ("hostile", "told"),
    [(closes_at_once, LOST), (breaks_off, LOST), (answers_200, FAILED), (answers_401, FAILED),
     (endless_refusal, FAILED), (redirects, FAILED), (another_protocol, FAILED), (huge_frame, LOST),
     (garbage, LOST), (no_text, LOST)],
)  # fmt: skip
async def test_a_hostile_agent_ends_its_own_stream_only(
    two: World,
    ann: Caller,
    bob: Caller,
    hostile: Callable[[web.Request], Awaitable[web.StreamResponse]],
    told: tuple[int, str],
) -> None:
    both(two, hostile)
    two.scripts.calls.clear()
    async with look(bob, OTHER) as other:
        await other.until("hello")
        async with look(ann) as viewer:
            assert await viewer.end() == told
        await other.ask(input="still here")
        while {"input": "still here"} not in other.said:
            await other.next()
    assert (5000, "/steal") not in two.scripts.calls


@pytest.mark.parametrize(
    ("status", "told"),
    [(409, (4409, "agent_refused")), (429, (4429, "agent_refused")), (503, (4503, "agent_refused"))],
)
async def test_what_an_agent_refuses_is_told_as_such(
    two: World, ann: Caller, status: int, told: tuple[int, str]
) -> None:
    async def refuses(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    both(two, refuses)
    async with look(ann) as viewer:
        assert await viewer.end() == told


async def test_an_agent_that_never_answers_the_upgrade_ends_it(
    two: World, ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    monkeypatch.setattr("zpack.control.outside.agent_console.OPEN_SECONDS", 0.2)
    both(two, never)
    async with look(ann) as viewer:
        assert await viewer.end() == (1011, "upstream_timeout")


async def test_an_agent_without_a_sign_of_life_is_given_up(
    two: World, ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        socket = await upgraded(request)
        await asyncio.sleep(60)
        return socket

    monkeypatch.setattr(relay_ws, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(streams, "PATIENCE", Patience(silent_seconds=0.2, stuck_seconds=60))
    both(two, silent)
    async with look(ann) as viewer:
        assert await viewer.end() == (1011, "upstream_silent")


async def test_a_flood_waits_for_its_viewer_and_memory_stays(
    two: World, ann: Caller, bob: Caller, api: Api
) -> None:
    """The agent may say as much as it likes: it is taken as fast as its viewer reads, and no faster."""
    sent = 0

    async def floods(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        socket = await upgraded(request)
        line = '{"seq":1,"line":"' + "x" * 60_000 + '"}'
        while True:
            await socket.send_str(line)
            sent += len(line)

    both(two, floods)
    async with look(ann) as viewer:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await viewer.next()
        last = -1
        while sent != last:  # until the sockets' buffers are full
            last = sent
            await asyncio.sleep(0.3)
        async with look(bob, OTHER) as other:
            await other.until("hello")
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
        assert sent < 40_000_000
    await eventually(lambda: not len(api.console_streams._channels), what="the end of the streams")


async def test_a_thousand_sockets_without_a_right_leave_nothing(two: World, ann: Caller, api: Api) -> None:
    two.scripts.calls.clear()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(10):
        got = await asyncio.gather(*(refused(ann.base + STREAM) for _ in range(100)))
        assert {status for status, _ in got} == {401}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    assert (len(api.console_streams._channels), two.scripts.calls) == (0, [])


async def test_more_sockets_than_allowed_are_refused_and_the_others_go_on(
    two: World, ann: Caller, api: Api
) -> None:
    both(two, talkative)
    async with look(ann) as first:
        await first.until("hello")
        headers = with_token(ann)
        got = await asyncio.gather(
            *(refused(ann.base + STREAM, headers=headers, protocols=(FRAMED,)) for _ in range(60))
        )
        assert {status for status, _ in got} <= {101, 429}
        await first.ask(input="alive")
        while {"input": "alive"} not in first.said:
            await first.next()
    await eventually(lambda: not len(api.console_streams._channels), what="the end of the streams")
