"""``GET /api/servers`` and its kin (contract §2.4, §9.4)."""

from __future__ import annotations

from typing import Annotated, Any, cast

import orjson
from fastapi import APIRouter, Depends, Request, Response

from zpack.control.accounts.access import ServersRead, ServersWrite
from zpack.control.instances.models import ServerBody
from zpack.control.instances.naming import Naming
from zpack.control.status.view import Servers

router = APIRouter(prefix="/api", tags=["servers"])


async def servers(request: Request) -> Servers:
    """Return the room's view."""
    return cast("Servers", request.app.state.servers)


async def naming(request: Request) -> Naming:
    """Return what gives servers their names."""
    return cast("Naming", request.app.state.naming)


Room = Annotated[Servers, Depends(servers)]
Names = Annotated[Naming, Depends(naming)]


@router.get("/servers")
async def listed(user: ServersRead, room: Room) -> Response:
    """Return ``{servers}``: the caller's, oldest first."""
    return Response(await room.listed(user), media_type="application/json")


@router.get("/servers/{server_id}")
async def one(server_id: str, user: ServersRead, room: Room) -> Response:
    """Return one server."""
    return _json(await room.one(user, server_id))


@router.patch("/servers/{server_id}")
async def change(server_id: str, body: ServerBody, user: ServersWrite, names: Names, room: Room) -> Response:
    """Give a server another name, and return it."""
    await names.rename(user, server_id, body.displayName)
    return _json(await room.one(user, server_id))


@router.get("/servers/{server_id}/status")
async def status(server_id: str, user: ServersRead, room: Room) -> Response:
    """Return one server's live status."""
    return _json(await room.status(user, server_id))


@router.get("/game/servers/{server_id}/players")
@router.get("/servers/{server_id}/players", include_in_schema=False)
async def players(server_id: str, user: ServersRead, room: Room) -> dict[str, Any]:
    """Return who is playing."""
    return await room.players(user, server_id)


@router.get("/game/servers/{server_id}/update-status")
@router.get("/servers/{server_id}/update-status", include_in_schema=False)
async def update_status(server_id: str, user: ServersRead, room: Room) -> dict[str, Any]:
    """Return the agent's version, and whether there is a newer one."""
    return await room.update_status(user, server_id)


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
