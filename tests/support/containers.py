"""A dev container of a test: an IDE and one more port, scripted, on an address of its own."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Container:
    """Answers as code-server would, unless ``script`` has something for the path; remembers what it was asked."""

    def __init__(self, ip: str, ide_port: int, port: int) -> None:
        self.ip = ip
        self.ide_port = ide_port
        self.port = port
        self.script: dict[str, Answer] = {}
        self.asked: list[dict[str, Any]] = []
        self.sockets: list[web.WebSocketResponse] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(self._seen(request))
        scripted = self.script.get(request.path)
        if scripted is not None:
            return await scripted(request)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._echo(request)
        if request.path == "/upload":
            size = 0
            async for data in request.content.iter_any():
                size += len(data)
            return web.json_response({"size": size})
        return web.json_response(self._seen(request))

    def _seen(self, request: web.Request) -> dict[str, Any]:
        assert request.transport
        headers: dict[str, list[str]] = {}
        for name, value in request.headers.items():
            headers.setdefault(name.lower(), []).append(value)
        at = request.transport.get_extra_info("sockname")
        return {
            "method": request.method,
            "path": request.raw_path,
            "headers": headers,
            "ip": at[0],
            "port": at[1],
        }

    async def _echo(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("vscode",), max_msg_size=32 << 20)
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)
        return socket

    @property
    def last(self) -> dict[str, Any]:
        """Return the last request as it arrived."""
        return self.asked[-1]


@asynccontextmanager
async def container(ip: str, ide_port: int, port: int) -> AsyncIterator[Container]:
    """Run one."""
    made = Container(ip, ide_port, port)
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{rest:.*}", made.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    for number in (ide_port, port):
        await web.TCPSite(runner, ip, number).start()
    try:
        yield made
    finally:
        await runner.cleanup()


def answering(status: int = 200, headers: Any = (), body: bytes = b"") -> Answer:
    """Return a script that always says the same; headers may repeat."""

    async def answer(_: web.Request) -> web.StreamResponse:
        response = web.Response(status=status, body=body)
        for name, value in dict(headers).items() if isinstance(headers, dict) else headers:
            response.headers.add(name, value)
        return response

    return answer


def raw(*parts: bytes) -> Answer:
    """Return a script that sends bytes no library would."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport
        for part in parts:
            request.transport.write(part)  # type: ignore[attr-defined]
        request.transport.close()
        return web.Response()

    return answer
