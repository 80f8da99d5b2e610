"""``/api/audit``, ``/api/admin/users`` and ``/api/admin/overview``."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request

from zpack.control.accounts.access import Admin, SignedIn
from zpack.control.administration.actions import Administration
from zpack.control.administration.models import AuditQuery, UserBody, UsersQuery, WholeAuditQuery

router = APIRouter(prefix="/api", tags=["administration"])


async def administration(request: Request) -> Administration:
    """Return the room's actions."""
    return cast("Administration", request.app.state.administration)


Room = Annotated[Administration, Depends(administration)]


@router.get("/audit")
async def audit(query: Annotated[AuditQuery, Query()], user: SignedIn, room: Room) -> dict[str, Any]:
    """Show who did what: to admins everybody's part, to others their own."""
    return await room.audit(user, query)


@router.get("/admin/overview")
async def overview(admin: Admin, room: Room) -> dict[str, Any]:
    """Show the platform in numbers."""
    _ = admin
    return await room.overview()


@router.get("/admin/audit")
async def whole_audit(query: Annotated[WholeAuditQuery, Query()], admin: Admin, room: Room) -> dict[str, Any]:
    """Show who did what, everybody's part."""
    _ = admin
    return await room.whole_audit(query)


@router.get("/admin/users")
async def users(query: Annotated[UsersQuery, Query()], admin: Admin, room: Room) -> dict[str, Any]:
    """List accounts."""
    _ = admin
    return await room.users(query)


@router.get("/admin/users/{user_id}")
async def user(user_id: str, admin: Admin, room: Room) -> dict[str, Any]:
    """Show one account."""
    _ = admin
    return await room.user(user_id)


@router.patch("/admin/users/{user_id}")
async def change(user_id: str, body: UserBody, admin: Admin, room: Room) -> dict[str, Any]:
    """Make an account an administrator's, or one no more."""
    return await room.change(admin, user_id, body)
