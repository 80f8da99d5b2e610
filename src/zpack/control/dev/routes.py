"""``/api/dev/{id}/codeserver/…`` (contract §2.7, rows S96-S99)."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

from zpack.control.accounts.access import ServersWrite
from zpack.control.dev.actions import CodeServerAction, Dev

router = APIRouter(prefix="/api/dev", tags=["dev"])


async def dev(request: Request) -> Dev:
    """Return the room's actions."""
    return cast("Dev", request.app.state.dev)


Room = Annotated[Dev, Depends(dev)]


@router.post("/{server_id}/codeserver/{action}")
async def code_server(server_id: str, action: CodeServerAction, user: ServersWrite, room: Room) -> Any:
    """Start, stop or restart the browser IDE."""
    return await room.code_server(user, server_id, action)
