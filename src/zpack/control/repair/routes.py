"""``/api/admin/drift`` and ``/api/admin/repairs``."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query, Request

from zpack.control.accounts.access import Admin
from zpack.control.repair.actions import Repair
from zpack.control.repair.models import AdoptBody, RepairsQuery

router = APIRouter(prefix="/api/admin", tags=["admin"])
FindingId = Annotated[str, Path(min_length=1, max_length=200)]
DryRun = Annotated[bool, Query(alias="dryRun")]


async def repair_room(request: Request) -> Repair:
    """Return the room's actions."""
    return cast("Repair", request.app.state.repair)


Room = Annotated[Repair, Depends(repair_room)]


@router.get("/drift")
async def drift(admin: Admin, room: Room) -> dict[str, Any]:
    """Show where the world and its record differ."""
    _ = admin
    return await room.drift()


@router.get("/repairs")
async def repairs(query: Annotated[RepairsQuery, Query()], admin: Admin, room: Room) -> dict[str, Any]:
    """Show what was found and mended."""
    _ = admin
    return await room.events(query)


@router.post("/drift/{finding_id}/adopt")
async def adopt(
    finding_id: FindingId, body: AdoptBody, admin: Admin, room: Room, *, dry_run: DryRun = False
) -> dict[str, Any]:
    """Give a container without a row to an account; with ``dryRun`` only say which calls that makes."""
    return await room.adopt(admin, finding_id, body, dry_run=dry_run)


@router.post("/drift/{finding_id}/repair")
async def repair(
    finding_id: FindingId, admin: Admin, room: Room, *, dry_run: DryRun = False
) -> dict[str, Any]:
    """Mend it; with ``dryRun`` only say which calls that makes."""
    return await room.repair(admin, finding_id, dry_run=dry_run)


@router.post("/drift/{finding_id}/delete")
async def delete(
    finding_id: FindingId, admin: Admin, room: Room, *, dry_run: DryRun = False
) -> dict[str, Any]:
    """Remove what is left over; with ``dryRun`` only say which calls that makes."""
    return await room.delete(admin, finding_id, dry_run=dry_run)
