"""The other ends of a create, scripted: PyPI ``fakepve`` as the cluster, agents, and a game proxy.

None of it shares code with the product or with localpve.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import fakepve.server
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    Trouble = Callable[[web.Request, Callable[[], Awaitable[Any]]], Awaitable[Any]]

TOKEN = "root@pam!zpack=secret"
TEMPLATE = 820


def address_of(vmid: int) -> str:
    """Return the loopback address of a container."""
    return f"127.82.{vmid >> 8}.{vmid & 255}"


class Cluster(fakepve.server.FakePve):
    """``fakepve`` over plain HTTP, whose containers have our loopback addresses."""

    def __init__(self) -> None:
        super().__init__(host="127.82.0.1", port=0)
        self.time_scale = 0
        self.addresses: dict[int, str] = {}
        self.migrations = 0
        """How many more looks at the cluster are followed at once by a migration of everything of ours."""
        self.trouble: Trouble | None = None
        self.apitokens["root@pam!zpack"] = "secret"
        self.add_ct(
            TEMPLATE, "zlh-base", node="local", template=True, config={"rootfs": "local:820/b.raw,size=1G"}
        )

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Any) -> Any:
        async def answer() -> Any:
            return await fakepve.server.FakePve._middleware(self, request, handler)

        return await (self.trouble(request, answer) if self.trouble is not None else answer())

    async def _lxc_interfaces(self, user: str, v: dict[str, Any]) -> Any:
        rows = await super()._lxc_interfaces(user, v)
        if not rows:
            return rows
        return [rows[0], {"name": "eth0", "hwaddr": "", "inet": f"{self.address_of(int(v['vmid']))}/8"}]

    async def _resources(self, request: web.Request) -> Any:
        listed = await super()._resources(request)
        if self.migrations and self.ours():
            self.migrations -= 1
            for vmid in self.ours():
                self.ct(vmid).node = "pve2" if self.ct(vmid).node == "local" else "local"
        return listed

    def address_of(self, vmid: int) -> str:
        """Return a container's address: its own, unless a test gave it another."""
        return self.addresses.get(vmid) or address_of(vmid)

    def ours(self) -> list[int]:
        """Return the VMIDs of containers that are no template."""
        return sorted(ct.vmid for ct in self.cts if not ct.template)


class AgentScripts:
    """One server that is every agent: the address a call arrives at says which."""

    def __init__(self) -> None:
        self.manner: dict[int, str] = {}
        self.default = "ready"
        self.configured: dict[int, dict[str, Any]] = {}
        self.tokens: dict[int, str] = {}
        self.calls: list[tuple[int, str]] = []
        self.headers: deque[dict[str, str]] = deque(maxlen=2000)
        self.delay = 0.0
        self.now: dict[int, int] = {}
        self.most_at_once = 0
        self.health_at: dict[int, list[float]] = defaultdict(list)
        self.console: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
        """Answers ``/console/stream`` of every agent."""
        self.special: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {}
        """Answers these paths of every agent, whatever its manner."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer as the script of this address says, counting what runs at once for one agent."""
        assert request.transport is not None
        octets = str(request.transport.get_extra_info("sockname")[0]).split(".")
        vmid = int(octets[2]) << 8 | int(octets[3])
        self.calls.append((vmid, request.path))
        self.headers.append(dict(request.headers))
        if request.path == "/health":
            self.health_at[vmid].append(time.monotonic())
        self.now[vmid] = self.now.get(vmid, 0) + 1
        self.most_at_once = max(self.most_at_once, self.now[vmid])
        try:
            await asyncio.sleep(self.delay)
            return await self._answer(request, vmid)
        finally:
            self.now[vmid] -= 1

    async def _answer(self, request: web.Request, vmid: int) -> web.StreamResponse:
        self.tokens[vmid] = request.headers.get("Authorization", "")
        if request.path == "/config":
            return await self._config(request, vmid)
        if request.path == "/console/stream" and self.console is not None:
            return await self.console(request)
        if request.path in self.special:
            return await self.special[request.path](request)
        manner = self.manner.get(vmid, self.default)
        return await ANSWERS[manner](request)

    async def _config(self, request: web.Request, vmid: int) -> web.Response:
        if self.manner.get(vmid, self.default) == "refuse":
            return web.json_response({"error": "invalid_payload", "message": "no such engine"}, status=400)
        self.configured[vmid] = await request.json()
        return web.json_response({"ok": True, "state": "installing"}, status=202)


async def _ready(request: web.Request) -> web.StreamResponse:
    if request.path == "/ready":
        return web.json_response({"ready": True, "readySource": "minecraft_ping"})
    if request.path == "/game/players":
        return web.json_response({"online": 1, "max": 20, "players": ["Ada"]})
    if request.path == "/version":
        return web.json_response({"version": "v1.2.3"})
    if request.path == "/agent/update/status":
        return web.json_response({"state": "idle", "updateAvailable": True, "latestVersion": "v1.3.0"})
    if request.path == "/console/log":
        return web.json_response({"lines": [{"n": 1, "text": "Done"}], "next": 2})
    return web.json_response({"state": "running", "ready": True, "processRunning": True})


async def _never(request: web.Request) -> web.StreamResponse:
    if request.path == "/ready":
        return web.json_response({"ready": False, "readyError": "still waiting for the ping"}, status=503)
    return web.json_response({"state": "starting", "ready": False})


async def _lying(request: web.Request) -> web.StreamResponse:
    if request.path == "/status":
        return web.json_response({"state": "crashed", "ready": True, "processRunning": False})
    return await _ready(request)


async def _half_deaf(request: web.Request) -> web.StreamResponse:
    return await (_hang if request.path == "/ready" else _ready)(request)


async def _unwell(request: web.Request) -> web.StreamResponse:
    return web.Response(status=500) if request.path == "/health" else await _ready(request)


async def _error(request: web.Request) -> web.StreamResponse:
    del request
    return web.json_response({"state": "error", "error": "the jar's checksum is wrong"})


async def _garbage(request: web.Request) -> web.StreamResponse:
    del request
    return web.Response(body=b"\xff\x00{" * 50, content_type="application/json")


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        for _ in range(400):
            await response.write(b"[" * 65536)
    return response


async def _hang(request: web.Request) -> web.StreamResponse:
    del request
    await asyncio.sleep(60)
    return web.Response()


async def _redirect(request: web.Request) -> web.StreamResponse:
    del request
    return web.Response(status=302, headers={"Location": "http://127.82.0.1:1/steal"})


async def _busy(request: web.Request) -> web.StreamResponse:
    del request
    return web.json_response({"error": "operation_in_progress", "message": "Stopping."}, status=409)


ANSWERS = {
    "ready": _ready,
    "never": _never,
    "lying": _lying,
    "half deaf": _half_deaf,
    "unwell": _unwell,
    "refuse": _never,
    "error": _error,
    "garbage": _garbage,
    "endless": _endless,
    "hang": _hang,
    "redirect": _redirect,
    "busy": _busy,
}


class GameProxy:
    """The registry of a game proxy."""

    def __init__(self) -> None:
        self.servers: dict[str, dict[str, Any]] = {}
        self.headers: list[str] = []
        self.refuse: int | None = None
        self.forgetful = False
        self.calls: list[tuple[str, Any]] = []
        self.on_register: Callable[[], Awaitable[None]] | None = None

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one of the three calls of contract §6.2."""
        self.headers.append(request.headers.get("X-Zpack-Secret", ""))
        if self.refuse is not None:
            return web.Response(status=self.refuse, text="no")
        body = await request.json() if request.can_read_body else None
        self.calls.append((request.path, body))
        if request.path == "/zpack/status":
            return web.json_response({"servers": list(self.servers.values())})
        name = body["server_name"]
        if request.path == "/zpack/register":
            if self.on_register is not None:
                await self.on_register()
            if not self.forgetful:
                self.servers[name] = {"name": name, "address": body["address"], "port": body["port"]}
            return web.Response(text="registered")
        return web.Response(status=200 if self.servers.pop(name, None) else 404)


@contextlib.asynccontextmanager
async def serving(app: web.Application, host: str) -> AsyncGenerator[int]:
    """Serve an application on a free port."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await fakepve.server.settle()
        await runner.cleanup()


def every_path(answer: Any) -> web.Application:
    """Return an application whose every route is ``answer``."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    return app


CATALOG = {
    "games": [{"id": "minecraft", "variants": [{"id": "flying-squid", "versions": ["1.21.4", "1.8.8"]}]}]
}


RUNTIMES = {"runtimes": [{"id": "node", "versions": ["22", "24"]}, {"id": "python", "versions": ["3.11"]}]}


@dataclass
class ArtifactStore:
    """The store's public files; ``has_ide`` says whether the browser IDE is among them."""

    has_ide: bool = False
    games: dict[str, Any] = field(default_factory=lambda: CATALOG)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer with a catalog or the checksums."""
        catalogs = {"/_catalog.json": self.games, "/devcontainer/_catalog.json": RUNTIMES}
        if request.path in catalogs:
            return web.json_response(catalogs[request.path])
        if request.path != "/SHA256SUMS":
            return web.Response(status=404)
        listed = [f"{'0' * 64}  _catalog.json"]
        if self.has_ide:
            listed.append(f"{'1' * 64}  addons/code-server/code-server-4.139.1-linux-amd64.tar.gz")
        return web.Response(text="\n".join(listed) + "\n")


@dataclass(frozen=True)
class Counterparts:
    """Every foreign system, scripted, and the settings that point at them."""

    cluster: Cluster
    scripts: AgentScripts
    edge: GameProxy
    store: ArtifactStore
    settings: dict[str, Any]


@contextlib.asynccontextmanager
async def counterparts() -> AsyncGenerator[Counterparts]:
    """Serve all of them."""
    cluster, scripts, edge, store = Cluster(), AgentScripts(), GameProxy(), ArtifactStore()
    async with (
        serving(cluster._build_app(), "127.82.0.1") as pve,
        serving(every_path(scripts.answer), "0.0.0.0") as agent,
        serving(every_path(edge.answer), "127.82.0.2") as registry,
        serving(every_path(store.answer), "127.82.0.4") as artifacts,
    ):
        settings = {
            "proxmox_host": f"http://127.82.0.1:{pve}",
            "proxmox_token": TOKEN,
            "proxmox_storage": None,
            "template_vmid": TEMPLATE,
            "agent_port": agent,
            "velocity_url": f"http://127.82.0.2:{registry}",
            "artifact_base_url": f"http://127.82.0.4:{artifacts}",
        }
        yield Counterparts(cluster, scripts, edge, store, settings)
