"""Where mods are fetched from: a server over TLS, with all that can go wrong on the way."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import trustme
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

JAR = b"PK\x03\x04" + bytes(range(256)) * 64


@dataclass
class Cdn:
    """Serves ``files`` by path; ``manner`` says how a path misbehaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    manner: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    hold: asyncio.Event | None = None
    """While it is not set, a "held" file stops in the middle."""
    halfway: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    def put(self, path: str, content: bytes = JAR) -> str:
        """Serve a file; return its address."""
        self.files[path] = content
        return f"{self.url}{path}"

    def order(self, path: str = "/data/x/a.jar", content: bytes = JAR, **changes: Any) -> dict[str, Any]:
        """Serve a file; return the body that asks an agent to install it."""
        url = self.put(path, content)
        body = {"source": "modrinth", "download_url": url, "filename": path.rsplit("/", 1)[-1]}
        return body | {"sha512": hashlib.sha512(content).hexdigest()} | changes

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer as the path's manner says."""
        self.asked.append(request.path)
        self.agents.append(request.headers.get("User-Agent", ""))
        if request.path in self.redirects:
            return web.Response(status=302, headers={"Location": self.redirects[request.path]})
        content = self.files.get(request.path)
        if content is None:
            return web.Response(status=404)
        return await getattr(self, f"_{self.manner.get(request.path, 'plain')}")(request, content)

    async def _plain(self, _: web.Request, content: bytes) -> web.StreamResponse:
        return web.Response(body=content, content_type="application/java-archive")

    async def _html(self, _: web.Request, content: bytes) -> web.StreamResponse:
        del content
        return web.Response(text="<h1>Just a moment…</h1>", content_type="text/html")

    async def _broken(self, _: web.Request, content: bytes) -> web.StreamResponse:
        del content
        return web.Response(status=503)

    async def _truncated(self, request: web.Request, content: bytes) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await answer.prepare(request)
        await answer.write(content[: len(content) // 2])
        assert request.transport
        request.transport.abort()
        return answer

    async def _huge(self, request: web.Request, content: bytes) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(1 << 40)})
        await answer.prepare(request)
        await answer.write(content)
        return answer

    async def _endless(self, request: web.Request, content: bytes) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await answer.write(content)
                await asyncio.sleep(0)  # over TLS a write never waits, and whoever reads is in this loop
        return answer

    async def _slow(self, request: web.Request, content: bytes) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError):
            for at in range(len(content)):
                await answer.write(content[at : at + 1])
                await asyncio.sleep(0.05)
        return answer

    async def _silent(self, request: web.Request, content: bytes) -> web.StreamResponse:
        del request, content
        await asyncio.sleep(60)
        return web.Response()

    async def _held(self, request: web.Request, content: bytes) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await answer.prepare(request)
        middle = len(content) // 2
        await answer.write(content[:middle])
        self.halfway.set()
        assert self.hold
        await self.hold.wait()
        with contextlib.suppress(ConnectionError):
            await answer.write(content[middle:])
        return answer


@dataclass(frozen=True)
class Authority:
    """Somebody who vouches for a server: the file that says so, and the server's own half."""

    file: Path
    context: ssl.SSLContext


def written_authority(folder: Path, *names: str) -> Authority:
    """Make one that vouches for these names."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(context)
    return Authority(folder / "ca.pem", context)


@contextlib.asynccontextmanager
async def serving_cdn(host: str, context: ssl.SSLContext | None) -> AsyncGenerator[Cdn]:
    """Serve one at an address, over TLS when there is a context."""
    cdn = Cdn()
    app = web.Application()
    app.router.add_get("/{tail:.*}", cdn.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, host, 0, ssl_context=context).start()
    cdn.url = f"http{'s' if context else ''}://{host}:{runner.addresses[0][1]}"
    try:
        yield cdn
    finally:
        await runner.cleanup()
