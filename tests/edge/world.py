"""What the edge's tests stand on: game servers that remember, an API that listens, an edge here or beside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from zpack.edge.settings import read_settings
from zpack.edge.wiring import Edge
from zpack.wire import minecraft as mc
from zpack.wire.edge import SECRET_HEADER, hashed_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

HOST = f"127.81.{1 + os.getpid() % 250}.1"
SECRET = "a-secret-nobody-prints"
HEADERS = {SECRET_HEADER: hashed_secret(SECRET)}
MANY = {"EDGE_CONNECTIONS_PER_SECOND": "5000", "EDGE_CONNECTIONS_BURST": "5000"}


async def eventually(check: Callable[[], Any], *, seconds: float = 60.0) -> Any:
    """Return the first true answer of ``check``; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
    return found


@dataclass
class GameServer:
    """Answers a status with its name; greets a login with its name and repeats every byte afterwards."""

    name: str
    port: int = 0
    seen: list[mc.Handshake] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    mute: bool = False
    rude: bool = False
    prefix: int = 0
    """Bytes of a PROXY header to take off first."""

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._meet(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        header = await reader.readexactly(self.prefix)
        data = await reader.read(4096)
        while data and (opening := mc.parse_opening(data)) is None:
            data += await reader.readexactly(1)
        if not data:
            return
        assert isinstance(opening, mc.Handshake)
        self.raw.append(header + data)
        self.seen.append(opening)
        if self.rude:
            return
        if self.mute:
            await reader.read()
        elif opening.next_state == mc.STATUS:
            writer.write(mc.status_response(self._status()))
            while data := await reader.read(4096):
                if len(data) == len(mc.ping(0)):
                    writer.write(data)
        else:
            writer.write(self.name.encode() + b"\n" + data[opening.consumed :])
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()

    def _status(self) -> dict[str, Any]:
        players = {"max": 7, "online": 1, "sample": []}
        return {"version": {"name": "x", "protocol": 47}, "players": players, "description": self.name}


@contextlib.asynccontextmanager
async def game_server(name: str, *, port: int = 0, **traits: Any) -> AsyncIterator[GameServer]:
    game = GameServer(name, **traits)
    tasks: set[asyncio.Task[Any]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await game.meet(reader, writer)
        except asyncio.CancelledError:
            return
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(meet, HOST, port)
    game.port = server.sockets[0].getsockname()[1]
    try:
        yield game
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Api:
    """The API's callback route: remembers what it heard, and answers as told."""

    heard: list[dict[str, Any]] = field(default_factory=list)
    secrets: list[str | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    url: str = ""
    published: web.Response | None = None

    async def list(self, request: web.Request) -> web.Response:
        assert request.headers.get(SECRET_HEADER) == HEADERS[SECRET_HEADER]
        return self.published or web.Response(status=503)

    async def hear(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body["server_name"])
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.heard.append(body)
        self.secrets.append(request.headers.get(SECRET_HEADER))
        return web.Response(status=status)

    def statuses(self, name: str) -> list[str]:
        return [event["status"] for event in self.heard if event["server_name"] == name]


@contextlib.asynccontextmanager
async def listening_api() -> AsyncIterator[Api]:
    api, app = Api(), web.Application()
    app.router.add_post("/internal/velocity/proxy-status", api.hear)
    app.router.add_get("/internal/velocity/servers", api.list)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    api.url = f"http://{HOST}:{runner.addresses[0][1]}/internal/velocity/proxy-status"
    try:
        yield api
    finally:
        await runner.cleanup()


@dataclass
class Door:
    """An edge as the outside sees it."""

    port: int
    registry: str
    http: aiohttp.ClientSession
    edge: Edge | None = None
    process: asyncio.subprocess.Process | None = None

    async def post(self, path: str, **call: Any) -> tuple[int, Any]:
        async with self.http.post(f"{self.registry}/zpack/{path}", **{"headers": HEADERS, **call}) as answer:
            return answer.status, await answer.json()

    async def register(self, name: str, port: int, *, address: str = HOST) -> Any:
        body = {"server_name": name, "address": address, "port": port}
        status, answer = await self.post("register", json=body)
        assert status == 200, answer
        return answer

    async def listed(self) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.registry}/zpack/status", headers=HEADERS) as answer:
            assert answer.status == 200
            return (await answer.json())["servers"]

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, self.port)

    async def send(self, data: bytes, *, limit: int = 65536) -> bytes:
        """Send bytes and return the answer until the edge ends it, or the first ``limit`` bytes."""
        reader, writer = await self.connect()
        async with asyncio.timeout(60), closing(writer):
            writer.write(data)
            return await reader.read(limit)

    async def status(self, host: str) -> dict[str, Any]:
        raw = await self.send(mc.status_request(host=host, port=25565))
        return mc.parse_status_response(one_packet(raw))

    async def refused(self, host: str) -> str:
        """Log in and return the text of the refusal."""
        raw = await self.send(login(host))
        return mc.parse_login_disconnect(one_packet(raw))

    async def join(self, host: str) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
        """Log in and return who greeted; the game server repeats everything from here on."""
        reader, writer = await self.connect()
        writer.write(login(host))
        async with asyncio.timeout(60):
            greeting = await reader.readline()
            await reader.readexactly(len(mc.login_start("Steve")))
        return greeting.decode().strip(), reader, writer


@contextlib.asynccontextmanager
async def closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def login(host: str, name: str = "Steve") -> bytes:
    return mc.handshake(host=host, port=25565, next_state=mc.LOGIN) + mc.login_start(name)


def one_packet(raw: bytes) -> mc.Reader:
    taken = mc.take_frame(raw, limit=mc.MAX_STATUS_PACKET)
    assert taken is not None, f"no whole packet: {raw!r}"
    return taken[0]


def environment(home: Path, **more: str) -> dict[str, str]:
    base = {"HOST": HOST, "EDGE_PORT": "0", "EDGE_REGISTRY_PORT": "0", "EDGE_HOME": str(home)}
    return {
        **base,
        "ZPACK_SECRET": SECRET,
        "EDGE_RETRY_PING_SECONDS": "0.1",
        "EDGE_PING_SECONDS": "0.1",
        **more,
    }


@contextlib.asynccontextmanager
async def edge_here(home: Path, **env: str) -> AsyncIterator[Door]:
    """Run an edge inside the test."""
    edge = Edge(read_settings([], environment(home, **env)))
    players, registry = await edge.open()
    try:
        async with aiohttp.ClientSession() as http:
            yield Door(players[1], f"http://{registry[0]}:{registry[1]}", http, edge=edge)
    finally:
        await edge.close()


@contextlib.asynccontextmanager
async def edge_beside(home: Path, log: Path, **env: str) -> AsyncIterator[Door]:
    """Run the program; whoever kills it waits for it."""
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "zpack.edge",
            env={**os.environ, **environment(home, **env)},
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdout is not None
    try:
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        async with aiohttp.ClientSession() as http:
            port = int(ready["listen"].rsplit(":", 1)[1])
            yield Door(port, f"http://{ready['registry']}", http, process=process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()
