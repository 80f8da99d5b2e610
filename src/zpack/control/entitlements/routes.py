"""``/api/admin/plans``, and the portal's older question for one's own plan (contract §2.13)."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Request

from zpack.control.accounts.access import Admin, OfAccount
from zpack.control.entitlements.actions import Entitlements
from zpack.control.entitlements.models import PLAN_ID, NewPlan, PlanBody
from zpack.control.entitlements.plans import Plans

router = APIRouter(prefix="/api")


async def plans(request: Request) -> Plans:
    """Return the room's actions."""
    return cast("Plans", request.app.state.plans)


async def entitlements(request: Request) -> Entitlements:
    """Return what accounts may do."""
    return cast("Entitlements", request.app.state.entitlements)


Room = Annotated[Plans, Depends(plans)]
InPath = Annotated[str, Path(pattern=PLAN_ID)]


@router.get("/admin/plans", tags=["admin"])
async def listed(user: Admin, room: Room) -> dict[str, Any]:
    """Return every plan, also those that are not offered."""
    del user
    return {"plans": await room.listed(all_of_them=True)}


@router.post("/admin/plans", status_code=201, tags=["admin"])
async def add(body: NewPlan, user: Admin, room: Room) -> dict[str, Any]:
    """Make a plan."""
    return {"plan": await room.add(user, body)}


@router.put("/admin/plans/{plan_id}", tags=["admin"])
async def change(plan_id: InPath, body: PlanBody, user: Admin, room: Room) -> dict[str, Any]:
    """Replace a plan's terms, for everybody who has it."""
    return {"plan": await room.change(user, plan_id, body)}


@router.get("/users/profile", tags=["billing"])
async def profile(user: OfAccount, room: Annotated[Entitlements, Depends(entitlements)]) -> dict[str, Any]:
    """Return the caller's plan, its price and how it is paid; ``/api/billing`` says more."""
    return await room.profile(user)
