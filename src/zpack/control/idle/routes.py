"""``/api/servers/{id}/idle`` and ``…/keep-alive``; ``/internal/velocity/wake`` is the edge's."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

from zpack.control.accounts.access import EDGE, ServersRead, ServersWrite
from zpack.control.idle.actions import Idle
from zpack.control.idle.models import KeepAliveBody, RuleBody, WakeBody

router = APIRouter(tags=["idle"])


async def idle(request: Request) -> Idle:
    """Return the room's actions."""
    return cast("Idle", request.app.state.idle)


Room = Annotated[Idle, Depends(idle)]


@router.get("/api/servers/{server_id}/idle")
async def shown(server_id: str, user: ServersRead, room: Room) -> dict[str, Any]:
    """Return whether a server stops when nobody uses it, and when."""
    return await room.shown(user, server_id)


@router.put("/api/servers/{server_id}/idle")
async def rule(server_id: str, body: RuleBody, user: ServersWrite, room: Room) -> dict[str, Any]:
    """Say whether a server stops when nobody uses it."""
    return await room.rule(user, server_id, body)


@router.post("/api/servers/{server_id}/keep-alive")
async def keep_alive(
    server_id: str, user: ServersWrite, room: Room, body: KeepAliveBody | None = None
) -> dict[str, Any]:
    """Keep a server running for a while, whoever uses it."""
    return await room.keep_alive(user, server_id, (body or KeepAliveBody()).minutes)


@router.post("/internal/velocity/wake", dependencies=EDGE)
async def wake(body: WakeBody, room: Room) -> dict[str, Any]:
    """Start a sleeping server that somebody wants to join."""
    found = await room.wake_by_name(body.server_name, body.address)
    return {"state": found.state, "seconds": found.seconds}
