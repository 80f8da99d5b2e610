"""Who may open a console, and that it ends within a second of the right to it ending."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from sqlalchemy import text

from tests.support.sockets import Viewer, refused
from tests.support.tokens import shortened
from zpack.control.engine import channels
from zpack.wire.console import FRAMED, PROTOCOLS

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.settings import Settings
    from zpack.control.wiring import Api

STREAM = "/api/servers/5000/console/stream"
TICKET = "/api/servers/5000/console/ticket"
ALIASES = [STREAM, "/api/game/servers/5000/console/stream", "/api/console/5000/stream"]


async def talkative(request: web.Request) -> web.StreamResponse:
    """An agent that says hello and echoes."""
    socket = web.WebSocketResponse(protocols=PROTOCOLS, compress=False)
    await socket.prepare(request)
    await socket.send_str('{"seq":1,"line":"hello"}')
    async for message in socket:
        await socket.send_str(message.data)
    return socket


@pytest.fixture
async def hers(world: World, ann: Caller) -> World:
    await world.created(5000, owner=(await ann.get("/api/auth/me")).body["user"]["id"])
    world.scripts.console = talkative
    return world


def with_token(caller: Caller, token: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token or caller.token}"}


def look(caller: Caller, path: str = STREAM, **how: Any) -> Viewer:
    return Viewer(caller.base + path, headers=with_token(caller), **how)


async def short_token(caller: Caller, settings: Settings, seconds: float) -> str:
    return shortened(str(caller.token), settings.auth_secret.get_secret_value(), seconds)


async def change(world: World, statement: str) -> None:
    async with world.clients.database.transaction() as session:
        await session.execute(text(statement))


# --- before the upgrade --------------------------------------------------------------------------


@pytest.mark.parametrize("path", ALIASES)
async def test_strangers_and_others_are_refused_before_the_upgrade(
    hers: World, ann: Caller, bob: Caller, path: str
) -> None:
    hers.scripts.calls.clear()
    assert (await refused(ann.base + path))[0] == 401
    assert (await refused(ann.base + path, headers={"Authorization": "Bearer nonsense"}))[0] == 401
    assert (await refused(ann.base + path, headers=with_token(bob)))[0] == 404
    assert (await refused(ann.base + path.replace("5000", "5999"), headers=with_token(ann)))[0] == 404
    assert hers.scripts.calls == []


async def test_a_refused_upgrade_is_answered_as_any_request(hers: World, ann: Caller) -> None:
    status, headers = await refused(ann.base + STREAM)
    assert (status, headers["Content-Type"]) == (401, "application/json")
    assert headers["X-Request-Id"].startswith("req_")
    assert hers


async def test_an_admin_looks_at_any(hers: World, root: Caller) -> None:
    assert hers
    async with look(root) as viewer:
        await viewer.until("hello")


async def test_without_an_address_there_is_no_console(hers: World, ann: Caller) -> None:
    await change(hers, "update instances set ip = null")
    assert (await refused(ann.base + STREAM, headers=with_token(ann)))[0] == 400


@pytest.mark.parametrize(
    ("query", "status"), [("?after=-1", 400), ("?after=x", 400), ("?x=%00", 400), ("?ticket=", 401)]
)
async def test_bad_addresses(hers: World, ann: Caller, query: str, status: int) -> None:
    assert hers
    assert (await refused(ann.base + STREAM + query, headers=with_token(ann)))[0] == status


async def test_a_plain_request_finds_no_such_route(hers: World, ann: Caller) -> None:
    assert hers
    assert (await ann.get(STREAM)).status == 404


# --- origins (CVE-2023-0957 and CVE-2024-21583 of Gitpod, CVE-2020-14368 of Che) --------------------

HOSTILE = [
    "https://evil.example", "http://evil.localhost:3000", "http://localhost:3001", "https://localhost:3000",
    "null", "", "http://localhost:3000.evil.example", "http://localhost", "http://[", "file://",
]  # fmt: skip


@pytest.mark.parametrize("origin", HOSTILE)
async def test_pages_of_other_sites_are_refused_whatever_they_carry(
    hers: World, ann: Caller, origin: str
) -> None:
    hers.scripts.calls.clear()
    ticket = (await ann.post(TICKET)).body["ticket"]
    headers = with_token(ann) | {"Origin": origin}
    assert (await refused(ann.base + STREAM, headers=headers))[0] == 403
    assert (await refused(f"{ann.base}{STREAM}?ticket={ticket}", headers={"Origin": origin}))[0] == 403
    assert hers.scripts.calls == []


async def test_our_own_pages_and_the_allowed_ones_may(hers: World, ann: Caller) -> None:
    assert hers
    for origin in (ann.base, "http://localhost:3000"):
        headers = with_token(ann) | {"Origin": origin}
        assert (await refused(ann.base + STREAM, headers=headers))[0] == 101


# --- tickets -------------------------------------------------------------------------------------


async def test_a_ticket_opens_one_stream_once(hers: World, ann: Caller) -> None:
    assert hers
    url = f"{ann.base}{STREAM}?ticket={(await ann.post(TICKET)).body['ticket']}"
    assert [(await refused(url))[0] for _ in range(2)] == [101, 401]


async def test_of_many_who_use_a_ticket_at_once_one_gets_in(hers: World, ann: Caller) -> None:
    assert hers
    url = f"{ann.base}{STREAM}?ticket={(await ann.post(TICKET)).body['ticket']}"
    got = await asyncio.gather(*(refused(url) for _ in range(8)))
    assert sorted(status for status, _ in got) == [101] + [401] * 7


async def test_a_ticket_is_for_its_server_only(hers: World, ann: Caller) -> None:
    await hers.created(5001, owner=(await ann.get("/api/auth/me")).body["user"]["id"])
    ticket = (await ann.post(TICKET)).body["ticket"]
    url = f"{ann.base}{STREAM.replace('5000', '5001')}?ticket={ticket}"
    assert (await refused(url))[0] == 401
    assert (await refused(f"{ann.base}{STREAM}?ticket={ticket}"))[0] == 401  # and it is used up


async def test_a_ticket_is_asked_for_by_the_owner_only(hers: World, bob: Caller, anyone: Caller) -> None:
    assert hers
    assert (await bob.post(TICKET)).status == 404
    assert (await anyone.post(TICKET)).status == 401


async def test_a_ticket_ends_and_is_kept_hashed(hers: World, ann: Caller) -> None:
    ticket = (await ann.post(TICKET)).body["ticket"]
    (key,) = await hers.clients.redis.keys("ticket:*")
    assert ticket not in key
    assert ticket not in await hers.clients.redis.get(key)
    assert 0 < await hers.clients.redis.ttl(key) <= 30
    await hers.clients.redis.delete(key)
    assert (await refused(f"{ann.base}{STREAM}?ticket={ticket}"))[0] == 401


async def test_a_ticket_of_an_account_that_is_gone_opens_nothing(hers: World, ann: Caller) -> None:
    ticket = (await ann.post(TICKET)).body["ticket"]
    await change(hers, "delete from users where username = 'ann'")
    assert (await refused(f"{ann.base}{STREAM}?ticket={ticket}"))[0] == 404


async def test_an_access_token_is_no_ticket_and_a_ticket_no_token(hers: World, ann: Caller) -> None:
    assert hers
    ticket = (await ann.post(TICKET)).body["ticket"]
    assert (await refused(f"{ann.base}{STREAM}?ticket={ann.token}"))[0] == 401
    assert (await refused(ann.base + STREAM, headers=with_token(ann, ticket)))[0] == 401


async def test_tickets_are_rationed(hers: World, ann: Caller, api: Api) -> None:
    assert hers
    session = await api.accounts.session(f"Bearer {ann.token}")
    for _ in range(120):
        await api.accounts.issue_ticket(session, "a door")
    assert (await ann.post(TICKET)).status == 429


async def test_neither_ticket_nor_token_reaches_the_log(
    hers: World, ann: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    assert hers
    caplog.set_level(logging.INFO)
    ticket = (await ann.post(TICKET)).body["ticket"]
    await refused(f"{ann.base}{STREAM}?ticket={ticket}")
    await refused(f"{ann.base}{STREAM}?ticket={ticket}")
    await refused(ann.base + STREAM, protocols=(FRAMED, f"bearer.{ann.token}"))
    assert ticket not in caplog.text
    assert str(ann.token) not in caplog.text


# --- while it is open (CVE-2025-68954 of Wings) ------------------------------------------------------

ENDS = [
    ("delete from users where username = 'ann'", (4403, "access_revoked")),
    ("delete from instances", (4404, "server_deleted")),
    ("update instances set customer_id = 'usr_other'", (4403, "access_revoked")),
    ("update users set role = 'admin' where username = 'ann'", (4403, "access_revoked")),
    ("update login_sessions set revoked_at = now()", (4403, "access_revoked")),
]


@pytest.mark.parametrize(("statement", "told"), ENDS)
async def test_a_stream_ends_when_the_right_to_it_ends(
    hers: World, ann: Caller, statement: str, told: tuple[int, str]
) -> None:
    async with look(ann) as viewer:
        await viewer.until("hello")
        await change(hers, statement)
        began = time.monotonic()
        assert await viewer.end() == told
        assert time.monotonic() - began < 10 * channels.RIGHTS_SECONDS


async def test_a_demoted_admin_sees_no_more(hers: World, root: Caller) -> None:
    async with look(root) as viewer:
        await viewer.until("hello")
        await change(hers, "update users set role = 'user' where role = 'admin'")
        assert await viewer.end() == (4403, "access_revoked")


async def test_a_stream_ends_with_its_token_however_it_was_opened(
    hers: World, ann: Caller, settings: Settings
) -> None:
    assert hers
    token = await short_token(ann, settings, 3)
    ticket = await ann.post(TICKET, headers=with_token(ann, token))
    async with (
        Viewer(ann.base + STREAM, headers=with_token(ann, token)) as one,
        Viewer(f"{ann.base}{STREAM}?ticket={ticket.body['ticket']}") as two,
    ):
        assert await one.end() == (4401, "token_expired")
        assert await two.end() == (4401, "token_expired")


async def test_a_stopping_process_says_so(hers: World, ann: Caller, api: Api) -> None:
    assert hers
    async with look(ann) as viewer:
        await viewer.until("hello")
        api.console_streams.shut()
        assert await viewer.end() == (1012, "server_stopping")


async def test_a_right_that_goes_while_the_agent_is_silent_ends_the_stream_too(
    hers: World, ann: Caller
) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=PROTOCOLS)
        await socket.prepare(request)
        await asyncio.sleep(60)
        return socket

    hers.scripts.console = silent
    async with look(ann) as viewer:
        await change(hers, "delete from instances")
        assert await viewer.end() == (4404, "server_deleted")


# --- limits (CVE-2025-69199 of Wings) ----------------------------------------------------------------


async def test_an_account_has_so_many_streams_and_others_theirs(
    hers: World, ann: Caller, bob: Caller
) -> None:
    await hers.created(5001, owner=(await bob.get("/api/auth/me")).body["user"]["id"])
    viewers = [look(ann) for _ in range(20)]
    await asyncio.gather(*(viewer.__aenter__() for viewer in viewers))
    status, headers = await refused(ann.base + STREAM, headers=with_token(ann))
    assert (status, headers["Retry-After"]) == (429, "10")
    async with look(bob, STREAM.replace("5000", "5001")) as other:
        await other.until("hello")
    await asyncio.gather(*(viewer.__aexit__() for viewer in viewers))


async def test_typing_too_fast_is_slowed_down_not_lost(hers: World, ann: Caller) -> None:
    assert hers
    async with look(ann) as viewer:
        await viewer.until("hello")
        began = time.monotonic()
        for number in range(25):
            await viewer.ask(input=f"command {number}")
        while len(viewer.said) < 26:
            await viewer.next()
        assert time.monotonic() - began >= 0.9  # five more than the burst, at five a second
    assert [said["input"] for said in viewer.said[1:]] == [f"command {n}" for n in range(25)]


async def test_what_is_larger_than_input_may_be_closes(hers: World, ann: Caller) -> None:
    assert hers
    async with look(ann) as viewer:
        await viewer.until("hello")
        await viewer.socket.send_str("x" * 20_000)
        assert (await viewer.end())[0] == 1009
    async with look(ann) as viewer:
        await viewer.socket.send_bytes(b"binary")
        assert await viewer.end() == (1003, "text_only")
