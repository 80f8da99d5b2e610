"""``/api/catalog`` (contract §2.1)."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

from zpack.control.accounts.access import PUBLIC
from zpack.control.catalog.actions import Catalog

router = APIRouter(prefix="/api/catalog", tags=["catalog"], dependencies=PUBLIC)


async def catalog(request: Request) -> Catalog:
    """Return the room's actions."""
    return cast("Catalog", request.app.state.catalog)


Room = Annotated[Catalog, Depends(catalog)]


@router.get("/game")
async def game(room: Room) -> dict[str, Any]:
    """Return games, variants and versions."""
    return await room.games()


@router.get("/dev")
async def dev(room: Room) -> dict[str, Any]:
    """Return runtimes and versions."""
    return await room.runtimes()
