"""``…/console/command``, ``…/log``, ``…/ticket`` and the socket ``…/stream``, under both path families."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request, WebSocket

from zpack.control.accounts.access import InConsoleSession, InSocketSession, OfConsole
from zpack.control.console.actions import Console
from zpack.control.console.models import CommandBody, chosen_protocol
from zpack.control.console.streams import ConsoleStreams, Wanted
from zpack.control.engine.relay_ws import AsgiSide

router = APIRouter(tags=["console"])


async def console(request: Request) -> Console:
    """Return the room's actions."""
    return cast("Console", request.app.state.console)


async def streams(socket: WebSocket) -> ConsoleStreams:
    """Return the room's sockets."""
    return cast("ConsoleStreams", socket.app.state.console_streams)


Sockets = Annotated[ConsoleStreams, Depends(streams)]
Room = Annotated[Console, Depends(console)]
After = Annotated[int, Query(ge=0, le=1 << 53)]
Wait = Annotated[float, Query(ge=0, le=25, allow_inf_nan=False)]


@router.post("/api/servers/{server_id}/console/command")
@router.post("/api/game/servers/{server_id}/console/command", include_in_schema=False)
async def command(server_id: str, body: CommandBody, user: OfConsole, room: Room) -> Any:
    """Type one line into the server's console."""
    return await room.command(user, server_id, body.command)


@router.get("/api/servers/{server_id}/console/log")
@router.get("/api/game/servers/{server_id}/console/log", include_in_schema=False)
async def log(server_id: str, user: OfConsole, room: Room, after: After = 0, wait: Wait = 0) -> Any:
    """Return console lines newer than ``after``: a long poll."""
    return await room.log(user, server_id, after=after, wait=wait)


@router.post("/api/servers/{server_id}/console/ticket")
@router.post("/api/game/servers/{server_id}/console/ticket", include_in_schema=False)
async def ticket(server_id: str, session: InConsoleSession, room: Room) -> Any:
    """Return a ticket with which a browser opens this server's console, once and soon."""
    return await room.ticket(session, server_id)


@router.websocket("/api/servers/{server_id}/console/stream")
@router.websocket("/api/game/servers/{server_id}/console/stream")
@router.websocket("/api/console/{server_id}/stream")
async def stream(
    socket: WebSocket, server_id: str, session: InSocketSession, room: Sockets, after: After = 0
) -> None:
    """Show the console and type into it (docs/flows/console.md)."""
    async with room.opened(session, server_id) as channel:
        protocol = chosen_protocol(socket.scope["subprotocols"])
        await socket.accept(protocol)
        viewer = AsgiSide(socket.receive, socket.send, extensions=socket.scope.get("extensions"))
        await room.serve(channel, viewer, Wanted(protocol, after))
