"""Faults on purpose for simulated HTTP APIs, and the operator's door to them.

A fault is a JSON object: ``{"call": "POST /client/v4/zones/*/dns_records", "do": "rate_limit", "times": 2,
"seconds": 30}``. ``error``, ``unauthorized``, ``forbidden``, ``rate_limit`` and ``garbage`` answer instead of
the call; ``error_after``, ``lost``, ``cut`` and ``duplicate`` let it have its effect first; ``latency`` only
waits; ``half`` does half of a batch and says so.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from zpack.simulate.faults import Aim, Faults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from zpack.simulate.faults import Fault

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
    Wording = Callable[[str, int], web.Response]
    """Return a refusal in the words of the system: what it is, and its seconds."""

REFUSALS = frozenset({"error", "error_after", "unauthorized", "forbidden", "rate_limit"})
ACTS = frozenset({*REFUSALS, "garbage", "lost", "cut", "duplicate", "latency", "half"})
HALF = web.RequestKey("half", bool)


class Calls:
    """Counts every call and lets go wrong what shall go wrong."""

    def __init__(self, *, refuse: Wording, token: str | None) -> None:
        self._refuse = refuse
        self._token = token
        self.faults = Faults({"call": Aim(ACTS)})
        self.made: list[str] = []
        """Method and path of every call, the operator's aside."""

    def add(self, call: str, do: str, *, times: int = 1, seconds: float = 0.0) -> None:
        """Let something go wrong from now on. Raises ValueError."""
        self.faults.plan({"call": call, "do": do, "times": times, "seconds": seconds})

    def routes(self) -> list[web.RouteDef]:
        """Return the operator's door; it asks for the same token as the API."""
        return [web.route("*", "/_simulate/faults", self._door)]

    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a call, or spoil it."""
        if request.path.startswith("/_simulate/"):
            return await handler(request)
        call = f"{request.method} {request.path}"
        self.made.append(call)
        fault = self.faults.take(call)
        if fault is None:
            return await handler(request)
        return await self._spoiled(fault, request, handler)

    async def _spoiled(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        if fault.do == "latency":
            await asyncio.sleep(fault.seconds)
        if fault.do == "garbage":
            return web.Response(text="<html><h1>It works!</h1></html>", content_type="text/html")
        if fault.do in REFUSALS - {"error_after"}:
            return self._refuse(fault.do, int(fault.seconds))
        request[HALF] = fault.do == "half"
        if fault.do == "duplicate":
            await handler(request)
        answer = await handler(request)
        if fault.do == "error_after":
            return self._refuse("error", 0)
        if fault.do == "lost" and request.transport is not None:
            request.transport.close()
        if fault.do == "cut" and isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            answer.body = answer.body[: len(answer.body) // 2]
        return answer

    async def _door(self, request: web.Request) -> web.Response:
        if self._token is not None and request.headers.get("Authorization") != f"Bearer {self._token}":
            return self._refuse("unauthorized", 0)
        if request.method == "DELETE":
            self.faults.clear()
        elif request.method == "POST":
            try:
                self.faults.plan(await request.json())
            except ValueError as failure:
                return web.json_response({"error": str(failure)}, status=400)
        return web.json_response({"faults": self.faults.rows()})


def bearer_of(headers: Mapping[str, str]) -> str:
    """Return the token of the header ``Authorization``."""
    return headers.get("Authorization", "").removeprefix("Bearer ").strip()
