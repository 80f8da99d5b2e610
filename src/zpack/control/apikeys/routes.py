"""``/api/auth/keys``: for full logins only, so that no key makes another."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

from zpack.control.accounts.access import InSession
from zpack.control.apikeys.actions import ApiKeys
from zpack.control.apikeys.models import KeyBody

router = APIRouter(prefix="/api/auth/keys", tags=["accounts"])


async def apikeys(request: Request) -> ApiKeys:
    """Return the room's actions."""
    return cast("ApiKeys", request.app.state.apikeys)


Room = Annotated[ApiKeys, Depends(apikeys)]


@router.get("")
async def listed(session: InSession, room: Room) -> dict[str, Any]:
    """List the caller's keys."""
    return {"keys": await room.listed(session)}


@router.post("", status_code=201)
async def make(body: KeyBody, session: InSession, room: Room) -> dict[str, Any]:
    """Make a key; it is shown this once."""
    return await room.make(session, body)


@router.delete("/{key_id}")
async def delete(key_id: str, session: InSession, room: Room) -> dict[str, Any]:
    """Delete a key."""
    await room.delete(session, key_id)
    return {"ok": True}
