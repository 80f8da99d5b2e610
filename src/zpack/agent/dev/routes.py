"""``/dev/codeserver`` and its verbs (contract §4.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from zpack.agent.dev.view import code_server_status

if TYPE_CHECKING:
    from zpack.agent.dev.container import DevContainer


class DevRoutes:
    """The doors to the IDE's power."""

    def __init__(self, *, dev: DevContainer) -> None:
        self._dev = dev

    def table(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get("/dev/codeserver", self.look),
            web.post("/dev/codeserver/start", self.start),
            web.post("/dev/codeserver/stop", self.stop),
            web.post("/dev/codeserver/restart", self.restart),
        ]

    async def look(self, _: web.Request) -> web.Response:
        """What is known of it."""
        self._dev.check_type()
        return web.json_response(code_server_status(self._dev))

    async def start(self, _: web.Request) -> web.Response:
        """Start; answers before it serves."""
        return web.json_response({"ok": True, "state": self._dev.start()})

    async def stop(self, _: web.Request) -> web.Response:
        """Stop; answers when it has stopped."""
        return web.json_response({"ok": True, "state": await self._dev.stop()})

    async def restart(self, _: web.Request) -> web.Response:
        """Stop and start; answers at once."""
        return web.json_response({"ok": True, "state": self._dev.restart()})
