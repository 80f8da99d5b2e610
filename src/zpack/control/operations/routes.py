"""``/api/operations`` (design.md §7)."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request

from zpack.control.accounts.access import Admin, ServersRead, ServersWrite
from zpack.control.operations.actions import Operations
from zpack.control.operations.models import OperationsQuery, OwnOperationsQuery
from zpack.control.operations.store import operation_view

router = APIRouter(tags=["operations"])


async def operations(request: Request) -> Operations:
    """Return the room's actions."""
    return cast("Operations", request.app.state.operations)


Room = Annotated[Operations, Depends(operations)]


@router.get("/api/operations")
async def own(query: Annotated[OwnOperationsQuery, Query()], user: ServersRead, room: Room) -> dict[str, Any]:
    """List the caller's operations."""
    return await room.own(user, query)


@router.get("/api/admin/operations")
async def everybodys(query: Annotated[OperationsQuery, Query()], admin: Admin, room: Room) -> dict[str, Any]:
    """List everybody's operations."""
    _ = admin
    return await room.everybodys(query)


@router.get("/api/operations/{operation_id}")
@router.get("/api/instances/operations/{operation_id}", include_in_schema=False)
async def show(operation_id: str, user: ServersRead, room: Room) -> dict[str, Any]:
    """Return one operation."""
    return {"operation": operation_view(await room.get(user, operation_id))}


@router.post("/api/operations/{operation_id}/cancel", status_code=202)
async def cancel(operation_id: str, user: ServersWrite, room: Room) -> dict[str, Any]:
    """Ask a running operation to unwind."""
    return {"operation": operation_view(await room.cancel(user, operation_id))}


@router.post("/api/operations/{operation_id}/retry", status_code=202)
async def retry(operation_id: str, user: ServersWrite, room: Room) -> dict[str, Any]:
    """Run a failed operation again."""
    return {"operation": operation_view(await room.retry(user, operation_id))}
