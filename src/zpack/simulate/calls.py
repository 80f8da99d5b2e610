"""Faults on purpose for simulated HTTP APIs, and the operator's door to them.

A fault is a JSON object: ``{"call": "POST /client/v4/zones/*/dns_records", "do": "rate_limit", "times": 2,
"seconds": 30}``. ``error``, ``unauthorized``, ``forbidden``, ``rate_limit`` and ``garbage`` answer instead of
the call; ``error_after``, ``lost``, ``cut`` and ``duplicate`` let it have its effect first; ``latency`` only
waits; ``half`` does half of a batch and says so.
"""

from __future__ import annotations

import asyncio
import fnmatch
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
    Wording = Callable[[str, int], web.Response]
    """Return a refusal in the words of the system: what it is, and its seconds."""

REFUSALS = frozenset({"error", "error_after", "unauthorized", "forbidden", "rate_limit"})
ACTS = frozenset({*REFUSALS, "garbage", "lost", "cut", "duplicate", "latency", "half"})
MOST = 1_000_000
HALF = web.RequestKey("half", bool)


@dataclass
class Fault:
    """What goes wrong, on which calls, and how many times more."""

    call: str
    do: str
    times: int = 1
    seconds: float = 0.0

    @classmethod
    def parse(cls, body: Any) -> Fault:
        """Read one fault. Raises ValueError, which says what is wrong."""
        if not isinstance(body, dict) or not isinstance(body.get("call"), str):
            msg = "a fault is an object that names a call"
            raise ValueError(msg)  # noqa: TRY004 - whatever is wrong with it is one thing to the operator
        unknown = sorted(set(body) - {"call", "do", "times", "seconds"})
        if unknown or body.get("do") not in ACTS:
            msg = f"a fault does one of {', '.join(sorted(ACTS))}; unknown: {unknown or body.get('do')}"
            raise ValueError(msg)
        times, seconds = body.get("times", 1), body.get("seconds", 0)
        if not _number(times) or not _number(seconds) or times != int(times):
            msg = f"times and seconds must be numbers between 0 and {MOST}"
            raise ValueError(msg)
        return cls(call=body["call"], do=body["do"], times=int(times), seconds=float(seconds))


class Calls:
    """Counts every call and lets go wrong what shall go wrong."""

    def __init__(self, *, refuse: Wording, token: str | None) -> None:
        self._refuse = refuse
        self._token = token
        self.faults: list[Fault] = []
        self.made: list[str] = []
        """Method and path of every call, the operator's aside."""

    def add(self, call: str, do: str, *, times: int = 1, seconds: float = 0.0) -> None:
        """Let something go wrong from now on."""
        self.faults.append(Fault(call, do, times, seconds))

    def routes(self) -> list[web.RouteDef]:
        """Return the operator's door; it asks for the same token as the API."""
        return [web.route("*", "/_simulate/faults", self._door)]

    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a call, or spoil it."""
        if request.path.startswith("/_simulate/"):
            return await handler(request)
        call = f"{request.method} {request.path}"
        self.made.append(call)
        fault = next(
            (one for one in self.faults if one.times > 0 and fnmatch.fnmatchcase(call, one.call)), None
        )
        if fault is None:
            return await handler(request)
        fault.times -= 1
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
                body = await request.json()
                self.faults += [Fault.parse(one) for one in (body if isinstance(body, list) else [body])]
            except ValueError as failure:
                return web.json_response({"error": str(failure)}, status=400)
        return web.json_response({"faults": [asdict(one) for one in self.faults if one.times > 0]})


def bearer_of(headers: Mapping[str, str]) -> str:
    """Return the token of the header ``Authorization``."""
    return headers.get("Authorization", "").removeprefix("Bearer ").strip()


def _number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value <= MOST
