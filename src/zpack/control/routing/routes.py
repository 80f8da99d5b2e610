"""``/internal/traefik``: Traefik's HTTP provider asks here (contract §6.5)."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response

from zpack.control.accounts.access import TRAEFIK
from zpack.control.routing.actions import Routing

router = APIRouter(prefix="/internal/traefik", tags=["edge"], dependencies=TRAEFIK)


async def routing(request: Request) -> Routing:
    """Return the room's actions."""
    return cast("Routing", request.app.state.routing)


Room = Annotated[Routing, Depends(routing)]


@router.get("/config")
async def config(room: Room) -> Response:
    """Return Traefik's whole dynamic configuration."""
    return Response(await room.configuration(), media_type="application/json")
