"""``GET /api/events`` (design.md §7): server-sent events."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from zpack.control.accounts.access import InEventSession
from zpack.control.events.actions import Streams

router = APIRouter(prefix="/api", tags=["events"])
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def streams(request: Request) -> Streams:
    """Return the room's actions."""
    return cast("Streams", request.app.state.events)


Room = Annotated[Streams, Depends(streams)]


@router.get("/events", response_class=StreamingResponse)
async def events(session: InEventSession, room: Room) -> StreamingResponse:
    """Stream ``servers.snapshot``, then what changes.

    ``server.status``, ``server.deleted``, ``operation.updated``, and of ``ticket.updated`` only the id.
    """
    stream = room.open(session)
    return StreamingResponse(room.told(stream), media_type="text/event-stream", headers=HEADERS)
