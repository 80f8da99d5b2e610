"""Servers that sleep: the edge answers for them, and a join, not a ping, has them started."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from tests.edge.world import HEADERS, HOST, MANY, Door, edge_here, game_server, one_packet

from zpack.edge.answers import Conversation
from zpack.wire import minecraft as mc
from zpack.wire.edge import SECRET_HEADER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAME = "mc-sleepy"
SHOWN = "mc-sleepy.zpack.localhost"


@dataclass
class Waker:
    """The API's door for wakes: counts, and answers as told."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    body: Any = field(default_factory=lambda: {"state": "waking", "seconds": 12})
    url: str = ""

    async def wake(self, request: web.Request) -> web.Response:
        assert request.headers[SECRET_HEADER] == HEADERS[SECRET_HEADER]
        self.asked.append(await request.json())
        return web.json_response(self.body, status=self.status)


@pytest.fixture
async def waker() -> AsyncIterator[Waker]:
    made, app = Waker(), web.Application()
    app.router.add_post("/internal/velocity/wake", made.wake)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    made.url = f"http://{HOST}:{runner.addresses[0][1]}/internal/velocity/proxy-status"
    yield made
    await runner.cleanup()


@pytest.fixture
async def sleepy(tmp_path: Path, waker: Waker) -> AsyncIterator[Door]:
    async with edge_here(tmp_path, **MANY, ZPACK_PROXY_STATUS_ENDPOINT=waker.url) as door:
        await registered(door)
        yield door


async def registered(door: Door, *, asleep: bool = True, port: int = 25565) -> None:
    body = {"server_name": NAME, "address": HOST, "port": port, "asleep": asleep}
    assert (await door.post("register", json=body))[0] == 200


async def test_a_ping_is_answered_and_wakes_nobody(sleepy: Door, waker: Waker) -> None:
    raw = await sleepy.send(mc.status_request(host=SHOWN, port=25565, protocol=769))
    status = mc.parse_status_response(one_packet(raw))
    assert status["description"]["text"] == f"{SHOWN} is asleep; join to wake it"
    assert (status["version"]["protocol"], status["players"]["online"]) == (769, 0)
    assert waker.asked == []


async def test_a_legacy_ping_too(sleepy: Door, waker: Waker) -> None:
    raw = await sleepy.send(mc.legacy_ping(host=SHOWN, port=25565))
    assert "is asleep" in raw[3:].decode("utf-16-be")
    assert waker.asked == []


async def test_a_join_wakes_and_says_when_to_come_again(sleepy: Door, waker: Waker) -> None:
    assert await sleepy.refused(SHOWN) == f"{SHOWN} is starting, join again in about 12 s."
    assert waker.asked == [{"server_name": NAME, "address": "127.0.0.1"}]
    assert (await sleepy.status(SHOWN))["description"]["text"].startswith(f"{SHOWN} is starting")


async def test_many_joins_ask_once(sleepy: Door, waker: Waker) -> None:
    texts = await asyncio.gather(*(sleepy.refused(SHOWN) for _ in range(6)))
    assert all("is starting" in text for text in texts)
    assert len(waker.asked) == 1


async def test_a_handshake_without_a_name_wakes_nobody(sleepy: Door, waker: Waker) -> None:
    reader, writer = await sleepy.connect()
    writer.write(mc.handshake(host=SHOWN, port=25565, next_state=mc.LOGIN))
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 15) == b""
    writer.close()
    assert waker.asked == []


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, {"error": "account_suspended"}, "cannot be woken by joining"),
        (429, {"error": "too_many_requests"}, "cannot be woken just now"),
        (500, None, "cannot be woken just now"),
        (200, [], "cannot be woken just now"),
        (200, {"seconds": "soon"}, "join again in a moment"),
        (200, {"seconds": -1}, "join again in a moment"),
    ],
)
async def test_whatever_the_api_says_the_player_reads_something(
    sleepy: Door, waker: Waker, status: int, body: Any, said: str
) -> None:
    waker.status, waker.body = status, body
    assert said in await sleepy.refused(SHOWN)


async def test_registered_awake_it_is_an_ordinary_server(sleepy: Door) -> None:
    await sleepy.refused(SHOWN)
    async with game_server("awake") as game:
        await registered(sleepy, asleep=False, port=game.port)
        who, _, writer = await sleepy.join(SHOWN)
        writer.close()
    assert who == "awake"


async def test_it_is_listed_as_a_bridge_lists_and_named_beside(sleepy: Door) -> None:
    assert await sleepy.listed() == [{"name": NAME, "address": HOST, "port": 25565}]
    async with sleepy.http.get(f"{sleepy.registry}/zpack/status", headers=HEADERS) as answer:
        assert (await answer.json())["asleep"] == [NAME]


async def test_sleep_survives_the_edge_s_restart(tmp_path: Path) -> None:
    async with edge_here(tmp_path, **MANY) as door:
        await registered(door)
    assert json.loads((tmp_path / "registry.json").read_text())["servers"][0]["asleep"] is True
    async with edge_here(tmp_path, **MANY) as door:
        assert "is asleep" in (await door.status(SHOWN))["description"]["text"]


async def test_without_an_api_a_player_reads_that_too(tmp_path: Path) -> None:
    async with edge_here(tmp_path, **MANY) as door:
        await registered(door)
        assert "cannot be woken just now" in await door.refused(SHOWN)


@pytest.mark.parametrize("value", ["yes", 1, [], {}])
async def test_asleep_is_true_or_false(sleepy: Door, value: Any) -> None:
    body = {"server_name": NAME, "address": HOST, "port": 1, "asleep": value}
    status, answer = await sleepy.post("register", json=body)
    assert (status, answer["error"]) == (400, "invalid_asleep")


def test_who_writes_on_while_it_is_woken_is_not_answered_twice() -> None:
    data = mc.handshake(host=SHOWN, port=1, next_state=mc.LOGIN)
    opening = mc.parse_opening(data)
    assert opening is not None
    talk = Conversation(opening, state="asleep", sleeper=True)
    assert (talk.receive(mc.login_start("Steve") * 2), talk.wakes, talk.done) == (b"", True, False)
    with contextlib.suppress(mc.ProtocolError):
        assert talk.receive(b"\xff" * 64) == b""
    assert "later" in mc.parse_login_disconnect(one_packet(talk.refuse("later")))
