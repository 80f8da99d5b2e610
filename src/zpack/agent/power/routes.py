"""``/config``, ``/start``, ``/stop``, ``/restart``."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from zpack.agent.bodies import read_json_body
from zpack.agent.config.payload import DevPayload, parse_payload

if TYPE_CHECKING:
    from zpack.agent.config.store import Tokens
    from zpack.agent.dev.container import DevContainer
    from zpack.agent.power.workload import Workload


class PowerRoutes:
    """The doors that change something."""

    def __init__(self, *, workload: Workload, dev: DevContainer, tokens: Tokens, agent_port: int) -> None:
        self._workload = workload
        self._dev = dev
        self._tokens = tokens
        self._agent_port = agent_port

    def table(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.post("/config", self.config),
            web.post("/start", self.start),
            web.post("/stop", self.stop),
            web.post("/restart", self.restart),
        ]

    async def config(self, request: web.Request) -> web.Response:
        """Save, install, start; answers before that is done."""
        payload = parse_payload(await read_json_body(request), reserved_port=self._agent_port)
        # Again: while the body came in, another first /config may have brought the token.
        self._tokens.accept(request.headers.get("Authorization"))
        if isinstance(payload, DevPayload):
            state = self._dev.configure(payload)
        else:
            state = self._workload.configure(payload)
        return web.json_response({"ok": True, "state": state}, status=HTTPStatus.ACCEPTED)

    async def start(self, _: web.Request) -> web.Response:
        """Start; answers before the server is ready."""
        return web.json_response({"ok": True, "state": self._workload.start()})

    async def stop(self, _: web.Request) -> web.Response:
        """Stop; answers when it has stopped."""
        await self._workload.stop()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def restart(self, _: web.Request) -> web.Response:
        """Stop and start; answers at once."""
        return web.json_response({"ok": True, "state": self._workload.restart()})
