"""A road to any system that speaks HTTP, on which everything goes wrong that can: one for all links."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.dns import Middle

FAULTS = ("timeout", "slow", "refused", "error", "garbage", "lost", "half", "duplicate")
"""``lost``: done, but the answer never arrives. ``half``: the first call is well, all others fail.
``duplicate``: every call is made twice."""
SOUND = frozenset({"slow", "duplicate"})


class Road(Protocol):
    """A road to a foreign system; over which protocol, only it knows."""

    @property
    def calls(self) -> int:
        """How many were made."""
        ...

    @property
    def sound(self) -> bool:
        """Whether every call is answered, and answered well."""
        ...

    def break_(self, fault: str) -> None:
        """Let every call go wrong from now on."""
        ...

    def mend(self) -> None:
        """Let nothing more go wrong; whoever hangs is let go."""
        ...


class FaultyRoad:
    """Hands calls on to ``upstream``, as far as its present fault lets it."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._fault: str | None = None
        self._well = 0
        self._free = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self.url = ""
        self.calls = 0

    def break_(self, fault: str) -> None:
        """Let every call go wrong from now on."""
        assert fault in FAULTS
        self._fault, self._well = fault, 1
        self._free.clear()

    def mend(self) -> None:
        """Let nothing more go wrong; whoever hangs is let go."""
        self._fault = None
        self._free.set()

    @property
    def sound(self) -> bool:
        """Whether every call is answered, and answered well."""
        return self._fault in {None, *SOUND}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        self.calls += 1
        match self._fault:
            case "timeout":
                await self._free.wait()
                return web.Response(status=504)
            case "refused":
                return web.json_response({"error": "no"}, status=403)
            case "error":
                return web.Response(status=500, text="oops")
            case "garbage":
                return web.Response(body=b"<html>\xff\x00{", content_type="text/html")
            case "half" if self._well == 0:
                return web.Response(status=500, text="oops")
            case "slow":
                await asyncio.sleep(0.05)
            case "duplicate":
                await self._handed_on(request)
        self._well = 0
        response = await self._handed_on(request)
        if self._fault == "lost" and request.transport is not None:
            request.transport.abort()
        return response

    async def _handed_on(self, request: web.Request) -> web.Response:
        assert self._session is not None
        kept = ("Authorization", "Content-Type", "X-Zpack-Secret", "X-Auth-Email", "X-Auth-Key")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        url = self._upstream.rstrip("/") + request.raw_path
        body = await request.read()
        async with self._session.request(request.method, url, data=body, headers=headers) as answer:
            return web.Response(
                status=answer.status, body=await answer.read(), content_type=answer.content_type
            )


@asynccontextmanager
async def faulty_road(upstream: str) -> AsyncIterator[FaultyRoad]:
    """Serve a road to ``upstream``, whose path it keeps."""
    road = FaultyRoad(upstream)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", road.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    road.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as session:
        road._session = session
        yield road
        road.mend()
        await runner.cleanup()


class DnsRoad:
    """The same over DNS, by somebody in the middle."""

    def __init__(self, middle: Middle) -> None:
        self._middle = middle

    @property
    def calls(self) -> int:
        """How many messages came."""
        return self._middle.messages

    @property
    def sound(self) -> bool:
        """Whether every message is answered, and answered well."""
        return self._middle.do in {"", *SOUND}

    def break_(self, fault: str) -> None:
        """Let every message go wrong from now on."""
        assert fault in FAULTS
        self._middle.well = self._middle.messages + 1
        self._middle.do = "latency" if fault == "timeout" else fault
        self._middle.over.clear()

    def mend(self) -> None:
        """Let nothing more go wrong."""
        self._middle.do = ""
        self._middle.over.set()
