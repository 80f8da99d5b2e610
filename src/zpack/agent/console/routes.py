"""``/console/command`` and ``/console/log``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from zpack.agent.bodies import read_json_body
from zpack.agent.console.commands import parse_command
from zpack.agent.problems import Busy, Invalid

if TYPE_CHECKING:
    from zpack.agent.console.ring import ConsoleRing
    from zpack.agent.power.workload import Workload

MAX_WAIT = 30.0
MAX_READERS = 32
MAX_SEQ = 2**53


class ConsoleRoutes:
    """The doors to the console."""

    def __init__(self, *, workload: Workload, ring: ConsoleRing) -> None:
        self._workload = workload
        self._ring = ring
        self._readers = 0

    def table(self) -> list[web.RouteDef]:
        """The routes."""
        return [web.post("/console/command", self.command), web.get("/console/log", self.log)]

    async def command(self, request: web.Request) -> web.Response:
        """Type one command."""
        self._workload.type(parse_command(await read_json_body(request)))
        return web.json_response({"ok": True})

    async def log(self, request: web.Request) -> web.Response:
        """Lines after ``after``, waiting up to ``wait`` seconds for the first."""
        after = int(_number(request, "after", high=MAX_SEQ))
        wait = min(_number(request, "wait", high=MAX_SEQ), MAX_WAIT)
        if self._readers >= MAX_READERS:
            raise Busy("too many wait for the console")
        self._readers += 1
        try:
            return web.json_response(await self._ring.wait_after(after, seconds=wait))
        finally:
            self._readers -= 1


def _number(request: web.Request, name: str, *, high: float) -> float:
    try:
        value = float(request.query.get(name, "0"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= high:
        msg = f"{name} must be a number from 0"
        raise Invalid(msg, code="invalid_query")
    return value
