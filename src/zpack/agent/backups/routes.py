"""``/game/backups``."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from zpack.agent.backups.record import parse_label
from zpack.agent.bodies import read_json_body
from zpack.agent.problems import Invalid

if TYPE_CHECKING:
    from zpack.agent.backups.actions import Backups
    from zpack.wire.backups import BackupDeleted

WAIT_SECONDS = 5.0
MAX_WAIT_SECONDS = 25.0


class BackupRoutes:
    """The doors to the backups."""

    def __init__(self, *, backups: Backups) -> None:
        self._backups = backups

    def table(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get("/game/backups", self.list),
            web.post("/game/backups", self.create),
            web.delete("/game/backups", self.delete_by_query),
            web.post("/game/backups/restore", self.restore),
            web.get("/game/backups/operations/{id}", self.operation),
            web.get("/game/backups/{id}", self.get),
            web.delete("/game/backups/{id}", self.delete),
        ]

    async def list(self, _: web.Request) -> web.Response:
        """All of them."""
        return web.json_response(self._backups.list())

    async def create(self, request: web.Request) -> web.Response:
        """Make one: 201 when it is done within ``wait`` seconds, else 202."""
        wait = _wait(request)
        label = parse_label(await read_json_body(request) if request.can_read_body else {})
        body = await self._backups.create(label, wait=wait)
        status = HTTPStatus.CREATED if "backup" in body else HTTPStatus.ACCEPTED
        return web.json_response(body, status=status)

    async def restore(self, request: web.Request) -> web.Response:
        """Begin a restore; answers before it is done."""
        return web.json_response(self._backups.restore(_id(request)), status=HTTPStatus.ACCEPTED)

    async def operation(self, request: web.Request) -> web.Response:
        """How the last operation goes, or went."""
        return web.json_response(self._backups.operation(request.match_info["id"]))

    async def get(self, request: web.Request) -> web.Response:
        """One backup."""
        return web.json_response(self._backups.get(request.match_info["id"]))

    async def delete(self, request: web.Request) -> web.Response:
        """Delete the one in the path."""
        return await self._delete(request.match_info["id"])

    async def delete_by_query(self, request: web.Request) -> web.Response:
        """Delete the one in ``?id=``."""
        return await self._delete(_id(request))

    async def _delete(self, backup_id: str) -> web.Response:
        await self._backups.delete(backup_id)
        body: BackupDeleted = {"deleted": True, "id": backup_id}
        return web.json_response(body)


def _id(request: web.Request) -> str:
    found = request.query.getall("id", [])
    if len(found) != 1 or not found[0]:
        raise Invalid("the query must name one id", code="invalid_query")
    return found[0]


def _wait(request: web.Request) -> float:
    try:
        seconds = float(request.query.get("wait", WAIT_SECONDS))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_WAIT_SECONDS:
        msg = f"wait must be a number from 0 to {MAX_WAIT_SECONDS:g}"
        raise Invalid(msg, code="invalid_query")
    return seconds
