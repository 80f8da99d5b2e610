"""``/agent/update`` and ``/agent/update/status``."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from zpack.agent.bodies import read_json_body
from zpack.agent.problems import Invalid
from zpack.agent.update.versions import VERSION

if TYPE_CHECKING:
    from zpack.agent.update.updates import Updates


class UpdateRoutes:
    """The doors to the agent's own renewal."""

    def __init__(self, *, updates: Updates) -> None:
        self._updates = updates

    def table(self) -> list[web.RouteDef]:
        """The routes."""
        return [web.get("/agent/update/status", self.status), web.post("/agent/update", self.update)]

    async def status(self, _: web.Request) -> web.Response:
        """Which release runs, which one there is, and what came of the last change."""
        return web.json_response(self._updates.status())

    async def update(self, request: web.Request) -> web.Response:
        """Begin to change to a release; answers before that is done."""
        body: Any = await read_json_body(request) if request.can_read_body else {}
        version, downgrade = _asked(body)
        begun = await self._updates.apply(version, allow_downgrade=downgrade)
        answer = {"ok": True, "version": begun, "state": self._updates.status()["state"]}
        return web.json_response(answer, status=HTTPStatus.ACCEPTED)


def _asked(body: Any) -> tuple[str | None, bool]:
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object")
    version, downgrade = body.get("version"), body.get("allowDowngrade", False)
    if isinstance(version, str):
        version = version.removeprefix("v")
    if version is not None and not (isinstance(version, str) and VERSION.fullmatch(version)):
        raise Invalid("version must be three numbers with dots")
    if not isinstance(downgrade, bool):
        raise Invalid("allowDowngrade must be true or false")
    return version, downgrade
