"""``GET /api/servers/{id}/activity``."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request

from zpack.control.accounts.access import ServersRead
from zpack.control.activity.actions import Activity
from zpack.control.activity.models import ActivityQuery

router = APIRouter(prefix="/api", tags=["servers"])


async def activity(request: Request) -> Activity:
    """Return the room's actions."""
    return cast("Activity", request.app.state.activity)


Room = Annotated[Activity, Depends(activity)]


@router.get("/servers/{server_id}/activity")
@router.get("/game/servers/{server_id}/activity", include_in_schema=False)
async def of(
    server_id: str, query: Annotated[ActivityQuery, Query()], user: ServersRead, room: Room
) -> dict[str, Any]:
    """Show what happened to a server."""
    return await room.of(user, server_id, query)
