"""``/console/stream`` with a real game: lines out, commands in, viewers that come, go and do not read."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from tests.agent.bench import agent_beside, eventually
from tests.support.sockets import Viewer, refused

from zpack.agent.console import routes, stream
from zpack.agent.console.ring import ConsoleRing
from zpack.wire.console import FRAMED, PLAIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import Client, StoreServer

TOKEN = "a token of this instance"


def address(client: Client, query: str = "serverId=5001") -> str:
    return f"{client.url}/console/stream?{query}"


def look(client: Client, after: int = 0, **how: Any) -> Viewer:
    return Viewer(address(client, f"serverId=5001&after={after}"), **how)


@pytest.mark.seed("S71")
async def test_a_viewer_sees_what_was_said_and_types(agent: Client) -> None:
    await agent.run()
    async with look(agent) as viewer:
        await viewer.until("environment")
        await viewer.ask(input="say hello")
        assert await viewer.until("did say") == "did say hello"
    assert viewer.lines[-2:] == ["> say hello", "did say hello"]
    assert viewer.seqs == list(range(1, len(viewer.seqs) + 1))


@pytest.mark.parametrize("protocols", [(), (PLAIN,)])
async def test_plain_text_is_the_contracts_way(agent: Client, protocols: tuple[str, ...]) -> None:
    await agent.run()
    async with look(agent, protocols=protocols) as viewer:
        await viewer.until("environment")
        await viewer.socket.send_str("say one\n")
        await viewer.until("did say one")
        await viewer.socket.send_str("say two\r\nsay three")
        await viewer.until("did say three")
    assert viewer.socket.protocol == (PLAIN if protocols else None)
    assert not any("\n" in line.replace("\r\n", "") for line in viewer.lines)


async def test_what_the_terminal_would_echo_is_not_said_twice(agent: Client) -> None:
    await agent.run()
    async with look(agent) as viewer:
        await viewer.ask(input="say once")
        await viewer.until("did say once")
    assert sum("say once" in line for line in viewer.lines) == 2  # our own note, and the answer


async def test_everybody_sees_the_same(agent: Client) -> None:
    await agent.run()
    async with look(agent) as one, look(agent) as two:
        await one.ask(input="say both")
        await one.until("did say both")
        await two.until("did say both")
    assert one.lines == two.lines


async def test_coming_again_loses_and_doubles_no_line(agent: Client) -> None:
    await agent.run()
    await agent.type("steady 300 400")
    seen: list[str] = []
    last = 0
    while "step 299" not in seen:
        async with look(agent, last) as viewer:
            while len(viewer.lines) < 20 and "step 299" not in viewer.lines:
                await viewer.next()
        seen += viewer.lines
        last = viewer.last
    assert [line for line in seen if line.startswith("step")] == [f"step {n}" for n in range(300)]


async def test_lines_that_left_the_ring_are_told_as_lost(agent: Client) -> None:
    await agent.run()
    async with look(agent) as viewer:
        await viewer.ask(input="flood 6000")
        await viewer.until("did flood")
    async with look(agent, 1) as viewer:
        await viewer.until("did flood")
    assert viewer.said[0] == {"lost": True}
    assert viewer.seqs == list(range(viewer.seqs[0], viewer.last + 1))


async def test_a_viewer_who_never_reads_holds_up_nobody(agent: Client) -> None:
    await agent.run()
    deaf = socket.create_connection((urlsplit(agent.url).hostname, urlsplit(agent.url).port))
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    upgrade = f"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{key}"
    deaf.sendall(f"GET /console/stream?serverId=5001 HTTP/1.1\r\n{upgrade}\r\n".encode())
    with deaf:
        async with look(agent) as viewer:
            for _ in range(40):
                await agent.type("flood 4000")
                await viewer.until("did flood", seconds=60)
                viewer.lines.clear()
            assert (await agent.status())["state"] == "running"


@pytest.mark.parametrize(
    "asked",
    ["no json", "[]", "{}", '{"input": 3}', '{"resize": 3}', '{"resize": {"cols": 0, "rows": 1}}',
     '{"resize": {"cols": true, "rows": 1}}', '{"input": "a\\u0007"}', "[" * 9000,
     json.dumps({"input": "x" * 1025})],
)  # fmt: skip
async def test_bad_frames_are_refused_and_the_stream_goes_on(agent: Client, asked: str) -> None:
    await agent.run()
    async with look(agent) as viewer:
        await viewer.socket.send_str(asked)
        assert await viewer.problem() in {"invalid_frame", "invalid_command"}
        await viewer.ask(input="say still")
        await viewer.until("did say still")


async def test_a_command_without_a_server_is_refused_in_the_stream(agent: Client) -> None:
    await agent.run()
    await agent.post("/stop")
    async with look(agent) as viewer:
        await viewer.ask(input="list")
        assert await viewer.problem() == "not_ready"
        await agent.post("/start")
        await viewer.until("environment")


async def test_a_viewer_may_resize_the_servers_terminal(agent: Client) -> None:
    await agent.run()
    async with look(agent) as viewer:
        await viewer.ask(resize={"cols": 77, "rows": 33})
        await viewer.ask(input="size")
        assert await viewer.until("size 77")


@pytest.mark.parametrize(("sent", "code"), [("x" * 20_000, 1009), (b"binary", 1003)])
async def test_what_is_no_input_closes(agent: Client, sent: str | bytes, code: int) -> None:
    await agent.run()
    async with look(agent) as viewer:
        await (viewer.socket.send_str(sent) if isinstance(sent, str) else viewer.socket.send_bytes(sent))
        assert (await viewer.end())[0] == code


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 403), ("serverId=5002", 403), ("serverId=", 403), ("serverId=5001&after=-1", 400),
     ("serverId=5001&after=x", 400)],
)  # fmt: skip
async def test_another_container_is_refused_before_the_upgrade(
    agent: Client, query: str, status: int
) -> None:
    await agent.run()
    assert (await refused(address(agent, query)))[0] == status


async def test_before_a_configuration_there_is_no_console(agent: Client) -> None:
    assert (await refused(address(agent)))[0] == 409


async def test_without_an_upgrade_it_is_a_bad_request(agent: Client) -> None:
    await agent.run()
    assert (await agent.get("/console/stream?serverId=5001"))[1]["error"] == "not_a_websocket"


@pytest.mark.parametrize("header", [None, "Bearer wrong", f"Basic {TOKEN}", "Bearer "])
async def test_without_the_token_no_upgrade_is_made(agent: Client, header: str | None) -> None:
    assert (await agent.post("/config", agent.payload(agent_token=TOKEN.replace(" ", "-"))))[0] == 202
    agent.token = TOKEN.replace(" ", "-")
    await agent.reaches("running")
    headers = {"Authorization": header} if header else {}
    assert (await refused(address(agent), headers=headers))[0] == 401
    async with look(agent, headers={"Authorization": f"Bearer {agent.token}"}) as viewer:
        await viewer.until("environment")


async def test_too_many_viewers_are_refused_and_places_come_back(
    agent: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "MAX_STREAMS", 2)
    await agent.run()
    async with look(agent), look(agent):
        assert (await refused(address(agent)))[0] == 429

    async def free() -> bool:
        return (await refused(address(agent)))[0] == 101

    await eventually(free)


async def test_a_silent_stream_is_kept_alive(agent: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PING_SECONDS", 0.05)
    await agent.run()
    async with look(agent) as viewer:
        await viewer.until("environment")
        async with aiohttp.ClientSession() as http, http.ws_connect(address(agent), autoping=False) as raw:
            while (await raw.receive(timeout=60)).type is not aiohttp.WSMsgType.PING:
                pass


async def test_a_viewer_that_is_gone_without_a_word_is_let_go(
    agent: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PING_SECONDS", 0.05)
    monkeypatch.setattr(stream, "DEAF_SECONDS", 0.3)
    await agent.run()
    async with aiohttp.ClientSession() as http, http.ws_connect(address(agent), autoping=False) as raw:
        while (await raw.receive(timeout=60)).type is not aiohttp.WSMsgType.CLOSED:
            pass


async def test_the_stream_is_told_when_the_agent_ends(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store) as client:
        await client.run()
        async with look(client) as viewer:
            await viewer.until("environment")
            client.process.terminate()
            assert await viewer.end() == (1012, "agent_stopping")
        assert await asyncio.wait_for(client.process.wait(), 60) == 0


async def test_the_stream_goes_on_over_the_agents_restart(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store) as client:
        await client.run()
        assert client.process
        assert client.process.stdout
        await client.type("steady 200 100")
        async with look(client) as before:
            await before.until("step 20")
            client.process.hangup = client.process.send_signal(1)
            await before.end()
        said = json.loads(await asyncio.wait_for(client.process.stdout.readline(), 60))
        client.url = f"http://{said['listen']}"
        async with look(client, before.last) as after:
            await after.until("step 199")
    steps = [line for line in before.lines + after.lines if line.startswith("step")]
    assert steps == [f"step {n}" for n in range(200)]


def test_a_gap_in_the_numbers_is_told_as_loss() -> None:
    ring = ConsoleRing()
    ring.extend(5, ["five", "six"])
    assert (ring.last, ring.after(0)["lost"], ring.after(4)["lost"]) == (6, True, False)
    ring.extend(6, ["six", "seven"])
    assert [each["line"] for each in ring.after(4)["lines"]] == ["five", "six", "seven"]


def test_an_answer_ends_with_the_line_that_reaches_its_bytes() -> None:
    ring = ConsoleRing()
    ring.extend(1, ["x" * 10] * 5)
    assert (len(ring.after(0, max_bytes=20)["lines"]), ring.after(0, max_bytes=20)["next"]) == (2, 2)
    assert len(ring.after(0, max_bytes=1)["lines"]) == 1
    _ = FRAMED
