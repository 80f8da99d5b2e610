"""``/console/command``, ``/console/log`` and the socket ``/console/stream``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from zpack.agent.bodies import read_json_body
from zpack.agent.config.payload import Payload
from zpack.agent.console.commands import parse_command
from zpack.agent.console.stream import Stream
from zpack.agent.console.talks import ShellTalk, WorkloadTalk
from zpack.agent.problems import Busy, Conflict, Forbidden, Invalid, NotReady, WorkloadError
from zpack.wire.console import PROTOCOLS

if TYPE_CHECKING:
    from zpack.agent.config.payload import DevPayload
    from zpack.agent.config.store import ConfigStore
    from zpack.agent.console.ring import ConsoleRing
    from zpack.agent.console.shell import Shells
    from zpack.agent.power.workload import Workload

MAX_WAIT = 30.0
MAX_READERS = 32
MAX_STREAMS = 64
MAX_SEQ = 2**53


class ConsoleRoutes:
    """The doors to the console."""

    def __init__(
        self, *, workload: Workload, configs: ConfigStore, ring: ConsoleRing, shells: Shells
    ) -> None:
        self._workload = workload
        self._configs = configs
        self._ring = ring
        self._shells = shells
        self._readers = 0
        self._streams = 0

    def table(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.post("/console/command", self.command),
            web.get("/console/log", self.log),
            web.get("/console/stream", self.stream),
        ]

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

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """The socket of one viewer: the server's console, or a dev container's shell."""
        payload = self._own(request.query.get("serverId"))
        after = int(_number(request, "after", high=MAX_SEQ))
        if not web.WebSocketResponse(protocols=PROTOCOLS).can_prepare(request).ok:
            raise Invalid("this is a WebSocket", code="not_a_websocket")
        if self._streams >= MAX_STREAMS:
            raise Busy("too many look at the console")
        self._streams += 1
        try:
            if isinstance(payload, Payload):
                talk = WorkloadTalk(workload=self._workload, ring=self._ring)
                return await Stream(talk=talk, after=after).serve(request)
            async with self._shells.attached() as shell:
                return await Stream(talk=ShellTalk(shell), after=after).serve(request)
        except WorkloadError as error:
            raise NotReady(str(error)) from error
        finally:
            self._streams -= 1

    def _own(self, server_id: str | None) -> Payload | DevPayload:
        """Return our payload when the id is ours. Raises ``Refusal``."""
        payload = self._configs.saved
        if payload is None:
            raise Conflict("nothing was configured yet", code="not_configured")
        if server_id != str(payload.vmid):
            raise Forbidden("this agent serves another container", code="wrong_server")
        return payload


def _number(request: web.Request, name: str, *, high: float) -> float:
    try:
        value = float(request.query.get(name, "0"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= high:
        msg = f"{name} must be a number from 0"
        raise Invalid(msg, code="invalid_query")
    return value
