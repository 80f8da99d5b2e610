"""What the agent's tests stand on: an artifact store, a payload, an agent in the test or beside it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import os
import signal
import sys
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from tests.support.ports import free_port

from zpack.agent.runtime.family import children
from zpack.agent.settings import read_settings
from zpack.agent.wiring import build

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.cdn import Authority, Cdn

    from zpack.agent.wiring import Agent

HERE = Path(__file__).parent
ARTIFACT = "minecraft/scripted/1.21.4/server.tar.gz"
HOST = f"127.80.{1 + os.getpid() % 250}.1"


async def eventually(check: Callable[[], Awaitable[Any]], *, seconds: float = 60.0) -> Any:
    """Return the first true answer of ``check``; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := await check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
    return found


def tarball(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class StoreServer:
    """An artifact store in memory, with what can go wrong."""

    files: dict[str, bytes] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    hold: asyncio.Event | None = None
    url: str = ""

    def put(self, path: str, content: bytes) -> None:
        self.files[path] = content
        self.sums[path] = hashlib.sha256(content).hexdigest()

    async def get(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        self.asked.append(path)
        if self.statuses.get(path):
            return web.Response(status=self.statuses[path].pop(0))
        if path == "SHA256SUMS":
            return web.Response(text="".join(f"{s}  {p}\n" for p, s in self.sums.items()))
        if path not in self.files:
            raise web.HTTPNotFound
        return await self._send(request, path)

    async def _send(self, request: web.Request, path: str) -> web.StreamResponse:
        content, status = self.files[path], 200
        wanted = request.headers.get("Range")
        if wanted:
            content, status = content[int(wanted[6:-1]) :], 206
        answer = web.StreamResponse(status=status, headers={"Content-Length": str(len(content))})
        await answer.prepare(request)
        if self.hold:
            await self.hold.wait()
        if path in self.cut:
            await answer.write(content[: self.cut.pop(path)])
            assert request.transport
            request.transport.close()
            return answer
        await answer.write(content)
        return answer

    @contextlib.asynccontextmanager
    async def serving(self) -> Any:
        app = web.Application()
        app.router.add_get("/{path:.+}", self.get)
        async with serving(app) as self.url:
            yield self


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> Any:
    runner = web.AppRunner(app, shutdown_timeout=1, handler_cancellation=True)  # as the agent itself serves
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def scripted_store() -> StoreServer:
    store = StoreServer()
    store.put(ARTIFACT, tarball({"server.py": (HERE / "scripted" / "server.py").read_bytes()}))
    return store


@dataclass
class Client:
    """Speaks HTTP with an agent, and reads what it left on disk."""

    http: aiohttp.ClientSession
    url: str
    home: Path
    root: Path
    port: int
    agent: Agent | None = None
    process: asyncio.subprocess.Process | None = None
    token: str | None = None

    @property
    def folder(self) -> Path:
        return self.root / "minecraft" / "scripted" / "world"

    def payload(self, **changes: Any) -> dict[str, Any]:
        given = {
            "vmid": 5001,
            "container_type": "game",
            "game": "minecraft",
            "variant": "scripted",
            "version": "1.21.4",
            "world": "world",
            "ports": [self.port],
            "artifact_path": ARTIFACT,
            "java_path": "",
            "memory_mb": 512,
        }
        return given | changes

    def behave(self, **behaviour: Any) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "behaviour.json").write_text(json.dumps(behaviour))

    async def killed(self) -> None:
        """End the agent's process as nothing can be prepared for, and wait until it has gone."""
        assert self.process
        self.process.kill()
        await self.process.wait()

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        sent = {"json": body} if body is not None else {}
        async with self.http.request(method, self.url + path, headers=headers, **sent, **options) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type == "application/json" else text

    async def post(self, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        return await self.call("POST", path, body, **options)

    async def get(self, path: str) -> tuple[int, Any]:
        return await self.call("GET", path)

    async def status(self) -> dict[str, Any]:
        code, body = await self.get("/status")
        assert code == 200, body
        return body

    async def reaches(self, state: str, *, seconds: float = 60.0) -> dict[str, Any]:
        async def there() -> Any:
            status = await self.status()
            return status if status["state"] == state and not status["operationInProgress"] else None

        try:
            return await eventually(there, seconds=seconds)
        except AssertionError:
            raise AssertionError(f"not {state}: {await self.status()}") from None

    async def run(self, **changes: Any) -> dict[str, Any]:
        code, body = await self.post("/config", self.payload(**changes))
        assert code == 202, body
        return await self.reaches("running")

    async def type(self, command: str) -> None:
        assert await self.post("/console/command", {"command": command}) == (200, {"ok": True})

    async def said(self, start: str) -> str:
        async def there() -> Any:
            _, body = await self.get("/console/log")
            return [each["line"] for each in body["lines"] if each["line"].startswith(start)]

        return (await eventually(there))[-1]

    def game_pid(self) -> int:
        assert self.agent
        assert self.agent.workload.process
        return self.agent.workload.process.pid


def standing(tmp: Path, **changes: Any) -> Path:
    """Leave what an agent finds of a server that was installed and stopped; return the server's folder."""
    payload = {
        "vmid": 5001, "container_type": "game", "game": "minecraft", "variant": "scripted", "version": "1.21.4",
        "world": "world", "ports": [free_port()], "artifact_path": ARTIFACT, "memory_mb": 512,
    } | changes  # fmt: skip
    (tmp / "home" / "config").mkdir(parents=True)
    (tmp / "home" / "config" / "payload.json").write_text(json.dumps(payload))
    folder = tmp / "root" / "minecraft" / payload["variant"] / payload["world"]
    folder.mkdir(parents=True)
    return folder


def mod_settings(cdn: Cdn, authority: Authority, **changes: str) -> dict[str, str]:
    """Settings of an agent that fetches mods from there."""
    limits = {"ZLH_AGENT_MAX_MOD_MIB": "1"}
    return limits | {"ZLH_AGENT_MOD_HOSTS": cdn.url, "ZLH_AGENT_MOD_CA_FILE": str(authority.file)} | changes


def environment(tmp: Path, store: StoreServer, **changes: str) -> dict[str, str]:
    return {
        "ZLH_AGENT_HOST": HOST,
        "ZLH_AGENT_PORT": "0",
        "ZLH_AGENT_HOME": str(tmp / "home"),
        "ZLH_RUNTIME_ROOT": str(tmp / "root"),
        "ARTIFACT_BASE_URL": store.url,
        "ZLH_AGENT_GAMES_DIR": str(HERE / "games"),
        "ZLH_AGENT_BACKOFF_SECONDS": "0.1,0.1,0.1",
        "ZLH_AGENT_PING_SECONDS": "0.1",
        "ZLH_DEV_HOME": str(tmp / "dev"),
        "ZLH_DEV_USER": "nobody-of-this-name",
        "ZLH_AGENT_KEEP_WORKLOAD": "0",
    } | changes


@contextlib.asynccontextmanager
async def agent_here(tmp: Path, store: StoreServer, **changes: str) -> Any:
    """An agent inside the test."""
    agent = build(read_settings(environment(tmp, store, **changes)), owns_process=False)
    await agent.resume()
    async with serving(agent.app) as url, aiohttp.ClientSession() as http:
        try:
            yield Client(http, url, tmp / "home", tmp / "root", free_port(), agent=agent)
        finally:
            await agent.close()


@contextlib.asynccontextmanager
async def agent_beside(tmp: Path, store: StoreServer, *, before: tuple[str, ...] = (), **changes: str) -> Any:
    """An agent as a process of its own; ended at the end if it still is."""
    with (tmp / "agent.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(*before, sys.executable, "-m", "zpack.agent"),
            env={"PATH": os.environ["PATH"]} | environment(tmp, store, **changes),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout
    try:
        said = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        async with aiohttp.ClientSession() as http:
            url = f"http://{said['listen']}"
            yield Client(http, url, tmp / "home", tmp / "root", free_port(), process=process)
    finally:
        if process.returncode is None:
            # What stands before the agent (unshare) lets SIGTERM pass by.
            for pid in children(process.pid) if before else {process.pid}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 60)


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rfind(")") + 2] not in "ZX"
