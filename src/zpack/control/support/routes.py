"""``/api/support`` (contract §2.13) and ``/api/admin/support``."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request

from zpack.control.accounts.access import Admin, PerhapsSignedIn, SignedIn
from zpack.control.replays.header import Key
from zpack.control.support.actions import Support
from zpack.control.support.models import MessageBody, OwnTicketsQuery, TicketBody, TicketsQuery

router = APIRouter(prefix="/api", tags=["support"])


async def support(request: Request) -> Support:
    """Return the room's actions."""
    return cast("Support", request.app.state.support)


Room = Annotated[Support, Depends(support)]


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


@router.post("/support/create")
async def create(
    body: TicketBody, request: Request, user: PerhapsSignedIn, room: Room, key: Key = None
) -> dict[str, Any]:
    """Ask something, with or without an account; once, however often it comes with the same key."""
    return await room.create(user, body, address=_address(request), key=key)


@router.get("/support/tickets")
async def own(query: Annotated[OwnTicketsQuery, Query()], user: SignedIn, room: Room) -> dict[str, Any]:
    """List one's own tickets."""
    return await room.own(user, query)


@router.get("/support/tickets/{ticket_id}")
async def one(ticket_id: str, user: SignedIn, room: Room) -> dict[str, Any]:
    """Show a ticket with its messages."""
    return await room.one(user, ticket_id)


@router.post("/support/tickets/{ticket_id}/messages")
async def write(
    ticket_id: str, body: MessageBody, user: SignedIn, room: Room, key: Key = None
) -> dict[str, Any]:
    """Add a message to a ticket; once, however often it comes with the same key."""
    return await room.write(user, ticket_id, body, key=key)


@router.post("/support/tickets/{ticket_id}/close")
async def close(ticket_id: str, user: SignedIn, room: Room) -> dict[str, Any]:
    """Close a ticket."""
    return await room.close(user, ticket_id)


@router.get("/admin/support/tickets")
async def everybodys(query: Annotated[TicketsQuery, Query()], admin: Admin, room: Room) -> dict[str, Any]:
    """List everybody's tickets."""
    _ = admin
    return await room.all(query)
