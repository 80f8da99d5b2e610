"""A scripted agent: the agent's HTTP contract without an agent. It shares no code with the real one."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from zpack.localpve.backends.sim_game import SimGame

if TYPE_CHECKING:
    from zpack.localpve.backends.sim_script import Behaviour, Script

AGENT_PORT = 18888
LINES = 500
GARBAGE = b"\x00\xff{{{ not json " * 64


class SimAgent:
    """One scripted agent on one address."""

    def __init__(self, *, ip: str, script: Script) -> None:
        self._ip = ip
        self._script = script
        self._runner: web.AppRunner | None = None
        self._game = SimGame(ip)
        self._payload: dict[str, Any] | None = None
        self._behaviour: Behaviour | None = None
        self._began = 0.0
        self._stopped = False
        self._lines: deque[tuple[int, str]] = deque(maxlen=LINES)
        self._sequence = 0
        self._spoken = asyncio.Condition()
        self._closing = asyncio.Event()

    async def start(self) -> None:
        """Listen. Raises OSError."""
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/health", self._health),
                web.get("/ready", self._ready),
                web.get("/status", self._status),
                web.get("/version", self._version),
                web.post("/config", self._config),
                web.post("/start", self._start),
                web.post("/stop", self._stop),
                web.post("/restart", self._start),
                web.post("/console/command", self._command),
                web.get("/console/log", self._log),
                web.get("/game/players", self._players),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._ip, AGENT_PORT).start()

    async def close(self) -> None:
        """Stop listening."""
        self._closing.set()
        await self._game.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def _is_ready(self) -> bool:
        behaviour = self._behaviour
        if behaviour is None or behaviour.kind != "ready" or self._stopped:
            return False
        return time.monotonic() - self._began >= behaviour.ready_after

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Play the scripted fault, then demand the token."""
        kind = self._behaviour.kind if self._behaviour else "ready"
        if kind == "hang" and request.path != "/config":
            await self._closing.wait()
        if kind == "garbage" and request.path != "/config":
            return web.Response(body=GARBAGE, content_type="application/json")
        if kind == "dead" and request.path != "/config" and request.transport is not None:
            request.transport.abort()
        token = (self._payload or {}).get("agent_token")
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and request.path != "/health" and not hmac.compare_digest(given.encode(), token.encode()):
            return web.json_response({"error": "unauthorized", "message": "wrong token"}, status=401)
        return await handler(request)

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": "v0.0.0-sim"})

    async def _ready(self, _: web.Request) -> web.Response:
        if self._is_ready:
            await self._game.open()
            now = datetime.now(UTC).isoformat()
            return web.json_response({"ready": True, "readySource": "minecraft_ping", "lastReadyAt": now})
        return web.json_response({"ready": False, "readyError": "scripted: not ready"}, status=503)

    async def _status(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "state": self._state(),
                "processRunning": self._is_ready,
                "ready": self._is_ready,
                "readySource": "minecraft_ping" if self._is_ready else None,
                "installStep": None,
                "crashCount": 0,
                "lastCrashLogTail": [],
                "error": self._behaviour.reason if self._state() == "error" and self._behaviour else None,
                "timestamp": int(time.time()),
                "operationInProgress": False,
                "maintenance": False,
            }
        )

    def _state(self) -> str:
        if self._behaviour is None or self._stopped:
            return "idle"
        if self._behaviour.kind == "error":
            return "error"
        return "running" if self._is_ready else "starting"

    async def _config(self, request: web.Request) -> web.Response:
        self._payload = json.loads(await request.read())
        self._behaviour = self._script.behaviour(self._payload or {})
        self._began, self._stopped = time.monotonic(), False
        await self._say(f"configured as {self._payload.get('variant') if self._payload else None}")
        return web.json_response({"ok": True, "state": "installing"}, status=202)

    async def _start(self, _: web.Request) -> web.Response:
        self._began, self._stopped = time.monotonic(), False
        await self._say("starting")
        return web.json_response({"ok": True, "state": "starting"})

    async def _stop(self, _: web.Request) -> web.Response:
        self._stopped = True
        await self._game.close()
        await self._say("stopped")
        return web.Response(status=204)

    async def _command(self, request: web.Request) -> web.Response:
        await self._say(f"> {(await request.json())['command']}")
        return web.json_response({"ok": True})

    async def _log(self, request: web.Request) -> web.Response:
        after, wait = int(request.query.get("after", "0")), float(request.query.get("wait", "0"))
        async with self._spoken:
            try:
                async with asyncio.timeout(wait):
                    await self._spoken.wait_for(lambda: self._sequence > after)
            except TimeoutError:
                pass
            lines = [{"seq": n, "line": text} for n, text in self._lines if n > after]
        lost = bool(self._lines) and self._lines[0][0] > after + 1
        return web.json_response({"lines": lines, "next": self._sequence, "lost": lost})

    async def _players(self, _: web.Request) -> web.Response:
        return web.json_response({"online": 0, "max": 20, "players": []})

    async def _say(self, line: str) -> None:
        async with self._spoken:
            self._sequence += 1
            self._lines.append((self._sequence, line))
            self._spoken.notify_all()
