"""``/api/auth`` (contract §2.2)."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

from zpack.control.accounts.access import PUBLIC, SignedIn
from zpack.control.accounts.actions import Accounts
from zpack.control.accounts.models import LoginBody, ProfileBody, RegisterBody

router = APIRouter(prefix="/api/auth", tags=["accounts"])


async def accounts(request: Request) -> Accounts:
    """Return the room's actions."""
    return cast("Accounts", request.app.state.accounts)


Room = Annotated[Accounts, Depends(accounts)]


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


@router.post("/register", status_code=201, dependencies=PUBLIC)
async def register(body: RegisterBody, request: Request, room: Room) -> dict[str, Any]:
    """Create an account."""
    return {"ok": True, "token": await room.register(body, address=_address(request))}


@router.post("/login", dependencies=PUBLIC)
async def login(body: LoginBody, request: Request, room: Room) -> dict[str, Any]:
    """Exchange a name and a password for an access token."""
    return await room.log_in(body, address=_address(request))


@router.get("/me")
async def me(user: SignedIn) -> dict[str, Any]:
    """Return the caller."""
    return {"ok": True, "user": user.wire()}


@router.patch("/me")
async def change_me(body: ProfileBody, user: SignedIn, room: Room) -> dict[str, Any]:
    """Change the caller's names."""
    return {"ok": True, "user": (await room.change_profile(user, body)).wire()}


@router.post("/logout", dependencies=PUBLIC)
async def logout() -> dict[str, Any]:
    """End a session; access tokens are stateless and simply expire."""
    return {"ok": True, "message": "Logged out"}
