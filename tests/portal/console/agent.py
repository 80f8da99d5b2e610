"""An agent that is only a console: lines from a list, numbered as a real one's, and what was typed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from aiohttp import WSMsgType, web

from zpack.wire.console import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

AT_ONCE = 250
BEATS_PER_SECOND = 40


@dataclass
class TalkingAgent:
    """Tells ``lines``; while ``flooding``, 10,000 a second more, which ``hostile`` makes of their number."""

    lines: list[str] = field(default_factory=list[str])
    typed: list[str] = field(default_factory=list[str])
    afters: list[int] = field(default_factory=list[int])
    sockets: set[web.WebSocketResponse] = field(default_factory=set[web.WebSocketResponse])
    news: asyncio.Event = field(default_factory=asyncio.Event)
    flood: list[str] = field(default_factory=list[str])
    told: int = 0
    port: int = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncGenerator[Self]:
        app = web.Application()
        app.router.add_get("/console/stream", self._stream)
        app.router.add_get("/console/log", self._log)
        app.router.add_post("/console/command", self._command)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await self.hang_up()
            await runner.cleanup()

    async def say(self, *lines: str) -> None:
        self.lines += lines
        self.news.set()

    async def hang_up(self, code: int = 1011, reason: str = "agent_lost") -> None:
        for socket in list(self.sockets):
            await socket.close(code=code, message=reason.encode())

    async def _log(self, request: web.Request) -> web.Response:
        after = int(request.query.get("after", 0))
        found = [
            {"seq": after + n, "line": text} for n, text in enumerate(self.lines[after : after + 500], 1)
        ]
        return web.json_response({"lines": found, "next": after + len(found), "lost": False})

    async def _command(self, request: web.Request) -> web.Response:
        await self._obey((await request.json())["command"])
        return web.json_response({"ok": True})

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=PROTOCOLS, compress=False, timeout=0.2)
        await socket.prepare(request)
        self.sockets.add(socket)
        after = int(request.query.get("after", 0))
        self.afters.append(after)
        telling = asyncio.create_task(self._tell(socket, after))
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._obey(json.loads(message.data)["input"])
        telling.cancel()
        self.sockets.discard(socket)
        return socket

    async def _obey(self, command: str) -> None:
        self.typed.append(command)
        await self.say(f"did {command}")

    async def _tell(self, socket: web.WebSocketResponse, seq: int) -> None:
        due = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while not socket.closed:
                self.news.clear()
                if self.flood:
                    self.lines += [self.flood[n % len(self.flood)] for n in range(AT_ONCE)]
                while seq < len(self.lines):
                    batch = self.lines[seq : seq + AT_ONCE]
                    said: list[Any] = [{"seq": seq + n, "line": text} for n, text in enumerate(batch, 1)]
                    seq += len(batch)
                    await socket.send_str("\n".join(map(json.dumps, said)))
                    self.told = seq
                due += 1 / BEATS_PER_SECOND
                wait = max(0.0, due - time.monotonic()) if self.flood else None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await (asyncio.Event() if self.flood else self.news).wait()
