"""Three APIs and two workers behind nginx are restarted one by one under load, and nobody notices."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from tests.journeys.replicas import Replicas, agents_at
from tests.journeys.stack import WANTED, address, finished
from tests.support.http import Caller
from tests.support.nginx import nginx
from tests.support.ports import free_port
from tests.support.redis import redis_server
from tests.support.waiting import eventually
from zpack.wire.console import FRAMED, PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="module")]
VMID = 5700
LINES_PER_SECOND = 50
APIS = ("api-1", "api-2", "api-3")
FRONT = """
  upstream zpack { %s keepalive 16; }
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:%d;
    location / {
      proxy_pass http://zpack;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
"""


class Talker:
    """An agent's console whose lines are numbered and kept, so that who comes again misses none."""

    def __init__(self) -> None:
        self.said = 0
        self._news = asyncio.Condition()
        self.going: asyncio.Task[None] | None = None

    async def talk(self) -> None:
        while True:
            await asyncio.sleep(1 / LINES_PER_SECOND)
            async with self._news:
                self.said += 1
                self._news.notify_all()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=PROTOCOLS, compress=False)
        await socket.prepare(request)
        told = int(request.query["after"])
        with contextlib.suppress(ConnectionError):
            while not socket.closed:
                async with self._news:
                    await self._news.wait_for(lambda told=told: self.said > told)
                    last = self.said
                for number in range(told + 1, last + 1):
                    await socket.send_str(json.dumps({"seq": number, "line": f"line {number}"}))
                told = last
        return socket


@dataclass
class Load:
    """What clients did and how it went."""

    done: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    connections: int = 0
    over: bool = False

    async def repeat(self, name: str, once: Callable[[], Awaitable[Any]], *, right: set[int]) -> None:
        while not self.over:
            try:
                reply = await once()
            except (aiohttp.ClientError, OSError) as failure:
                self.failed.append(f"{name}: {failure!r}")
            else:
                if reply.status not in right:
                    self.failed.append(f"{name}: {reply}")
            self.done[name] += 1
            await asyncio.sleep(0.005)

    async def watch(self, base: str, token: str) -> None:
        """Look at a console, and come again with the last number whenever it closes."""
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            while not self.over:
                last = self.seen[-1] if self.seen else 0
                path = f"{base}/api/servers/{VMID}/console/stream?after={last}"
                try:
                    async with session.ws_connect(path, protocols=(FRAMED,)) as socket:
                        self.connections += 1
                        await self._read(socket)
                except aiohttp.ClientError as failure:
                    self.failed.append(f"console: {failure!r}")
                    await asyncio.sleep(0.05)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            self.seen += [said["seq"] for said in map(json.loads, message.data.split("\n")) if "seq" in said]
            if self.over:
                return


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talker() -> AsyncIterator[Talker]:
    made = Talker()
    async with agents_at([address("127.90", VMID)]) as scripts:
        scripts.console = made.answer
        talking = asyncio.create_task(made.talk())
        yield made
        talking.cancel()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory, talker: Talker) -> AsyncIterator[Replicas]:
    del talker  # its agent outlives those that poll it
    home = tmp_path_factory.mktemp("rolling")
    made = Replicas(home, "127.93.0.0/16", {"default": {"behaviour": "ready", "ready_after": 3}})
    await made.open()
    with redis_server(home) as url:
        await made.start_replicas(url, apis=3, ZPACK_DRAIN_SECONDS="1")
        yield made
        await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front(stack: Replicas) -> AsyncIterator[str]:
    port = free_port()
    places = " ".join(f"server 127.0.0.1:{stack.ports[name]} max_fails=0;" for name in APIS)
    async with nginx(stack.home / "nginx", FRONT % (places, port), port) as base:
        yield base


async def test_a_rolling_restart_loses_no_request_no_line_and_no_operation(
    stack: Replicas, front: str, talker: Talker
) -> None:
    async with stack.someone("ann") as ann, Caller(front, ann.token) as caller:
        owner = (await ann.get("/api/auth/me")).body["user"]["id"]
        stack.add_servers(owner, {VMID: address("127.90", VMID)}, published=False)
        load = Load()
        ticket = f"/api/servers/{VMID}/console/ticket"
        assert ann.token is not None
        works = [
            *(load.repeat("list", lambda: caller.get("/api/servers"), right={200}) for _ in range(3)),
            *(load.repeat("ticket", lambda: caller.post(ticket), right={200, 429}) for _ in range(2)),
            load.watch(front, ann.token),
        ]
        clients = [asyncio.create_task(work) for work in works]
        await eventually(lambda: len(load.seen) > LINES_PER_SECOND, timeout=30)
        asked: list[str] = []
        for name in (*APIS, "worker-1", "worker-2"):
            asked += [(await caller.post("/api/instances", WANTED)).body["statusUrl"] for _ in range(2)]
            await stack.restart(name)
        ends = await asyncio.gather(*(finished(caller, url, 120) for url in asked))
        reached = talker.said
        await eventually(lambda: load.seen[-1] >= reached, timeout=30)
        load.over = True
        await asyncio.gather(*clients)
    assert load.failed == []
    assert min(load.done.values()) > 50
    assert [(end["status"], end.get("error")) for end in ends] == [("succeeded", None)] * len(asked)
    assert load.connections > 1, "the viewer's own replica was restarted"
    assert load.seen == list(range(1, len(load.seen) + 1))
    vmids = [end["vmid"] for end in ends]
    assert stack.containers() == set(vmids)
    assert max(itertools.chain([0], Counter(vmids).values())) == 1
