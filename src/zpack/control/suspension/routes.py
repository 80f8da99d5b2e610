"""``/api/admin/users/{id}/suspend`` and ``…/unsuspend``."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Request

from zpack.control.accounts.access import Admin
from zpack.control.suspension.actions import Suspension
from zpack.control.suspension.models import SuspendBody

router = APIRouter(prefix="/api/admin/users", tags=["admin"])
UserId = Annotated[str, Path(min_length=1, max_length=64)]


async def suspension(request: Request) -> Suspension:
    """Return the room's actions."""
    return cast("Suspension", request.app.state.suspension)


Room = Annotated[Suspension, Depends(suspension)]


@router.post("/{user_id}/suspend")
async def suspend(user_id: UserId, body: SuspendBody, user: Admin, room: Room) -> dict[str, Any]:
    """Suspend an account: its servers stop, and stay stopped until this is lifted."""
    return {"ok": True, "standing": await room.suspend(user, user_id, body.reason)}


@router.post("/{user_id}/unsuspend")
async def unsuspend(user_id: UserId, user: Admin, room: Room) -> dict[str, Any]:
    """Lift a suspension by hand; what ran before is started again."""
    return {"ok": True, "standing": await room.unsuspend(user, user_id)}
