"""``/internal/velocity`` (contract §2.10): the proxy's door, behind the shared secret."""

from __future__ import annotations

import json
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

from zpack.control.accounts.access import EDGE
from zpack.control.publishing.actions import Publishing

router = APIRouter(prefix="/internal/velocity", tags=["edge"], dependencies=EDGE)


async def publishing(request: Request) -> Publishing:
    """Return the room's actions."""
    return cast("Publishing", request.app.state.publishing)


Room = Annotated[Publishing, Depends(publishing)]


@router.post("/proxy-status")
async def proxy_status(request: Request, room: Room) -> dict[str, Any]:
    """Take in one callback of the proxy."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        body = None
    report = await room.accept(body)
    return {"ok": True, "status": report.status}


@router.get("/servers")
async def servers(room: Room) -> dict[str, Any]:
    """List the backends a restarted proxy should know."""
    return {"servers": await room.rehydration()}
