"""``/api/announcements`` (contract §2.13) and ``/api/admin/announcements``."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request

from zpack.control.accounts.access import PUBLIC, Admin
from zpack.control.announcements.actions import Announcements
from zpack.control.announcements.models import AnnouncementBody, AnnouncementsQuery
from zpack.control.replays.header import Key

router = APIRouter(prefix="/api", tags=["announcements"])


async def announcements(request: Request) -> Announcements:
    """Return the room's actions."""
    return cast("Announcements", request.app.state.announcements)


Room = Annotated[Announcements, Depends(announcements)]


@router.get("/announcements", dependencies=PUBLIC)
async def current(room: Room) -> dict[str, Any]:
    """Show what everybody is told now."""
    return await room.current()


@router.get("/admin/announcements")
async def page(query: Annotated[AnnouncementsQuery, Query()], admin: Admin, room: Room) -> dict[str, Any]:
    """List all announcements, expired ones too."""
    _ = admin
    return await room.page(query)


@router.post("/admin/announcements", status_code=201)
async def add(body: AnnouncementBody, admin: Admin, room: Room, key: Key = None) -> dict[str, Any]:
    """Announce something; once, however often it comes with the same key."""
    return await room.add(admin, body, key=key)


@router.put("/admin/announcements/{announcement_id}")
async def change(announcement_id: str, body: AnnouncementBody, admin: Admin, room: Room) -> dict[str, Any]:
    """Change an announcement."""
    return await room.change(admin, announcement_id, body)


@router.delete("/admin/announcements/{announcement_id}")
async def remove(announcement_id: str, admin: Admin, room: Room) -> dict[str, Any]:
    """Remove an announcement."""
    return await room.remove(admin, announcement_id)
