"""``GET /api/instances`` (contract §2.3); creating is a journey and lives in ``provisioning``."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

from zpack.control.accounts.access import ServersRead
from zpack.control.instances.actions import Instances
from zpack.control.instances.view import instance_view

router = APIRouter(prefix="/api/instances", tags=["instances"])


async def instances(request: Request) -> Instances:
    """Return the room's actions."""
    return cast("Instances", request.app.state.instances)


Room = Annotated[Instances, Depends(instances)]


@router.get("")
async def rows(user: ServersRead, room: Room) -> dict[str, Any]:
    """Return the caller's rows, newest first."""
    found = await room.visible(user, newest_first=True)
    return {"ok": True, "rows": [instance_view(row) for row in found]}


@router.get("/{vmid}")
async def row(vmid: str, user: ServersRead, room: Room) -> dict[str, Any]:
    """Return one row of the caller's."""
    return {"ok": True, "row": instance_view(await room.owned(user, vmid))}
