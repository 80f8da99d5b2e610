"""``/api/admin/fleet`` and ``/api/admin/health``."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

from zpack.control.accounts.access import Admin
from zpack.control.fleet.actions import Fleet
from zpack.control.fleet.health import Health

router = APIRouter(prefix="/api/admin", tags=["admin"])


async def fleet(request: Request) -> Fleet:
    """Return the nodes and containers."""
    return cast("Fleet", request.app.state.fleet)


async def health(request: Request) -> Health:
    """Return the systems."""
    return cast("Health", request.app.state.health)


@router.get("/fleet")
async def everything(admin: Admin, room: Annotated[Fleet, Depends(fleet)]) -> dict[str, Any]:
    """Show every node and container."""
    _ = admin
    return await room.all()


@router.get("/health")
async def systems(admin: Admin, room: Annotated[Health, Depends(health)]) -> dict[str, Any]:
    """Show whether each system works."""
    _ = admin
    return await room.systems()
