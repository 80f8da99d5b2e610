"""``…/console/command`` and ``…/console/log``, under both path families."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request

from zpack.control.accounts.access import SignedIn
from zpack.control.console.actions import Console
from zpack.control.console.models import CommandBody

router = APIRouter(tags=["console"])


async def console(request: Request) -> Console:
    """Return the room's actions."""
    return cast("Console", request.app.state.console)


Room = Annotated[Console, Depends(console)]
After = Annotated[int, Query(ge=0, le=1 << 53)]
Wait = Annotated[float, Query(ge=0, le=25, allow_inf_nan=False)]


@router.post("/api/servers/{server_id}/console/command")
@router.post("/api/game/servers/{server_id}/console/command", include_in_schema=False)
async def command(server_id: str, body: CommandBody, user: SignedIn, room: Room) -> Any:
    """Type one line into the server's console."""
    return await room.command(user, server_id, body.command)


@router.get("/api/servers/{server_id}/console/log")
@router.get("/api/game/servers/{server_id}/console/log", include_in_schema=False)
async def log(server_id: str, user: SignedIn, room: Room, after: After = 0, wait: Wait = 0) -> Any:
    """Return console lines newer than ``after``: a long poll."""
    return await room.log(user, server_id, after=after, wait=wait)
