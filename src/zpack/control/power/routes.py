"""Power routes (contract §2.4, rows S43-S55)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Request

from zpack.control.accounts.access import ServersRead, ServersWrite
from zpack.control.power.actions import Power

router = APIRouter(prefix="/api/servers", tags=["power"])
Action = Literal["start", "stop", "restart"]
HOST_STATUS = {"start": "starting", "stop": "stopping", "restart": "restarting"}


async def power(request: Request) -> Power:
    """Return the room's actions."""
    return cast("Power", request.app.state.power)


Room = Annotated[Power, Depends(power)]


@router.post("/{server_id}/game/{action}")
async def game(server_id: str, action: Action, user: ServersWrite, room: Room) -> dict[str, Any]:
    """Start, stop or restart the game."""
    return await room.game(user, server_id, action)


@router.get("/{server_id}/host/status")
async def host_status(server_id: str, user: ServersRead, room: Room) -> dict[str, Any]:
    """Return the host's power state, its figures and the running operation."""
    found = await room.host_status(user, server_id)
    settled = "running" if found["running"] else "stopped"
    operation = found["operation"]
    return {"hostStatus": HOST_STATUS[operation["type"]] if operation else settled, **found}


@router.post("/{server_id}/host/{action}", status_code=202)
async def host(
    server_id: str, action: Action, request: Request, user: ServersWrite, room: Room
) -> dict[str, Any]:
    """Begin a host operation."""
    operation = await room.host(user, server_id, action, request_id=request.state.request_id)
    return {"operation": operation, "statusUrl": f"/api/servers/{operation['vmid']}/host/status"}
