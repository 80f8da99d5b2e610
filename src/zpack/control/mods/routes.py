"""``/api/game/mods/search`` and ``…/mods``, under both path families (contract §2.5)."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query, Request

from zpack.control.accounts.access import OfMods
from zpack.control.mods.actions import Mods
from zpack.control.mods.models import InstallBody, SearchQuery, SwitchBody

router = APIRouter(tags=["mods"])


async def mods(request: Request) -> Mods:
    """Return the room's actions."""
    return cast("Mods", request.app.state.mods)


Room = Annotated[Mods, Depends(mods)]
ModId = Annotated[str, Path(max_length=255, pattern=r"^[^/\\\x00-\x1f\x7f]+\.jar(\.disabled)?$")]


@router.get("/api/game/mods/search")
async def search(query: Annotated[SearchQuery, Query()], user: OfMods, room: Room) -> dict[str, Any]:
    """Return Modrinth's results for a server, each with an ``installed`` flag."""
    return await room.search(user, query)


@router.get("/api/game/servers/{server_id}/mods")
@router.get("/api/servers/{server_id}/mods", include_in_schema=False)
async def listed(server_id: str, user: OfMods, room: Room) -> Any:
    """Return the installed mods."""
    return await room.listed(user, server_id)


@router.post("/api/game/servers/{server_id}/mods/install")
@router.post("/api/servers/{server_id}/mods/install", include_in_schema=False)
async def install(server_id: str, body: InstallBody, user: OfMods, room: Room) -> dict[str, Any]:
    """Install a project's newest fitting version, or the named one."""
    return await room.install(user, server_id, body)


@router.patch("/api/game/servers/{server_id}/mods/{mod_id}")
@router.patch("/api/servers/{server_id}/mods/{mod_id}", include_in_schema=False)
async def switch(server_id: str, mod_id: ModId, body: SwitchBody, user: OfMods, room: Room) -> Any:
    """Switch a mod on or off."""
    return await room.switch(user, server_id, mod_id, enabled=body.enabled)


@router.delete("/api/game/servers/{server_id}/mods/{mod_id}")
@router.delete("/api/servers/{server_id}/mods/{mod_id}", include_in_schema=False)
async def remove(server_id: str, mod_id: ModId, user: OfMods, room: Room) -> Any:
    """Put a mod away; the agent keeps the file."""
    return await room.remove(user, server_id, mod_id)
