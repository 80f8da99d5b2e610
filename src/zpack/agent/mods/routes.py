"""``/game/mods`` and ``/game/mods/{id}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from zpack.agent.bodies import read_json_body
from zpack.agent.mods.names import check_id
from zpack.agent.mods.orders import parse_enabled, parse_order

if TYPE_CHECKING:
    from zpack.agent.mods.mods import Mods
    from zpack.agent.power.workload import Workload
    from zpack.wire.mods import Mod, ModChanged, ModRemoved


class ModRoutes:
    """The doors to the mods."""

    def __init__(self, *, mods: Mods, workload: Workload) -> None:
        self._mods = mods
        self._workload = workload

    def table(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get("/game/mods", self.listed),
            web.post("/game/mods/install", self.install),
            web.get("/game/mods/{id}", self.one),
            web.patch("/game/mods/{id}", self.switch),
            web.delete("/game/mods/{id}", self.remove),
        ]

    async def listed(self, _: web.Request) -> web.Response:
        """Every mod there is."""
        return web.json_response(await self._mods.listed())

    async def install(self, request: web.Request) -> web.Response:
        """Fetch one; answers when it is in place, or when it is certain that it is not."""
        order = parse_order(await read_json_body(request))
        return self._changed(await self._mods.install(order))

    async def one(self, request: web.Request) -> web.Response:
        """One mod."""
        return web.json_response({"mod": await self._mods.one(_id(request))})

    async def switch(self, request: web.Request) -> web.Response:
        """Let the game load it at its next start, or not."""
        mod_id = _id(request)
        enabled = parse_enabled(await read_json_body(request))
        return self._changed(await self._mods.switch(mod_id, enabled=enabled))

    async def remove(self, request: web.Request) -> web.Response:
        """Put it away."""
        mod_id = _id(request)
        body: ModRemoved = {
            "ok": True,
            "deleted": True,
            "id": mod_id,
            "movedTo": await self._mods.remove(mod_id),
            "restartRequired": self._workload.process is not None,
        }
        return web.json_response(body)

    def _changed(self, mod: Mod) -> web.Response:
        body: ModChanged = {
            "ok": True,
            "mod": mod,
            "restartRequired": self._workload.process is not None,
        }
        return web.json_response(body)


def _id(request: web.Request) -> str:
    return check_id(request.match_info["id"])
