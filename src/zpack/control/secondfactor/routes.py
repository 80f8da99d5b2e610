"""``/api/auth/second-factor`` and the second step of a login. Passwords and codes come in bodies only."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

from zpack.control.accounts.access import PUBLIC, SignedIn
from zpack.control.secondfactor.actions import SecondFactors
from zpack.control.secondfactor.models import CompleteBody, ConfirmBody, DisableBody, EnrolBody

router = APIRouter(prefix="/api/auth", tags=["accounts"])


async def second_factors(request: Request) -> SecondFactors:
    """Return the room's actions."""
    return cast("SecondFactors", request.app.state.second_factors)


Room = Annotated[SecondFactors, Depends(second_factors)]


@router.post("/login/second-factor", dependencies=PUBLIC)
async def complete(body: CompleteBody, room: Room) -> dict[str, Any]:
    """Exchange a challenge and a code for an access and a refresh token."""
    return await room.complete(body)


@router.get("/second-factor")
async def state(user: SignedIn, room: Room) -> dict[str, Any]:
    """Say whether the caller has one."""
    return await room.state(user)


@router.post("/second-factor")
async def enrol(body: EnrolBody, user: SignedIn, room: Room) -> dict[str, Any]:
    """Return a new secret, which a code has to confirm."""
    return await room.enrol(user, body)


@router.post("/second-factor/confirm")
async def confirm(body: ConfirmBody, user: SignedIn, room: Room) -> dict[str, Any]:
    """Switch it on; the recovery codes are shown this once."""
    return await room.confirm(user, body)


@router.post("/second-factor/disable")
async def disable(body: DisableBody, user: SignedIn, room: Room) -> dict[str, Any]:
    """Switch it off."""
    await room.disable(user, body)
    return {"ok": True}
