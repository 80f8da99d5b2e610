"""``/api/admin/plans``."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Request

from zpack.control.accounts.access import Admin
from zpack.control.entitlements.models import PLAN_ID, NewPlan, PlanBody
from zpack.control.entitlements.plans import Plans

router = APIRouter(prefix="/api/admin/plans", tags=["admin"])


async def plans(request: Request) -> Plans:
    """Return the room's actions."""
    return cast("Plans", request.app.state.plans)


Room = Annotated[Plans, Depends(plans)]
InPath = Annotated[str, Path(pattern=PLAN_ID)]


@router.get("")
async def listed(user: Admin, room: Room) -> dict[str, Any]:
    """Return every plan, also those that are not offered."""
    del user
    return {"plans": await room.listed(all_of_them=True)}


@router.post("", status_code=201)
async def add(body: NewPlan, user: Admin, room: Room) -> dict[str, Any]:
    """Make a plan."""
    return {"plan": await room.add(user, body)}


@router.put("/{plan_id}")
async def change(plan_id: InPath, body: PlanBody, user: Admin, room: Room) -> dict[str, Any]:
    """Replace a plan's terms, for everybody who has it."""
    return {"plan": await room.change(user, plan_id, body)}
