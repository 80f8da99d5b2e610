"""``/api/dev/{id}/ide-token``, ``…/ide`` and ``…/ports`` (contract §2.7, rows S92, S94, S95)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from zpack.control.accounts.access import InIdeSession, InSession, ServersRead, ServersWrite
from zpack.control.engine.errors import Refusal
from zpack.control.engine.problems import problem_of
from zpack.control.ide.actions import Ide
from zpack.control.ide.models import PortBody, TokenBody
from zpack.control.ide.pages import refusal_page, wants_page

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class PageRoute(APIRoute):
    """A route that people open in a browser: who is refused there reads a page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what serves a request."""
        serve = super().get_route_handler()

        async def served(request: Request) -> Response:
            try:
                return await serve(request)
            except Refusal as failure:
                if not wants_page(request.method, request.headers.get("accept")):
                    raise
                status, problem = problem_of(failure, request.state.request_id)
                portal = request.app.state.ide.border.portal
                headers, body = refusal_page(problem["error"], problem["requestId"], portal=portal)
                return Response(body, status_code=status, headers=dict(headers))

        return served


router = APIRouter(prefix="/api/dev", tags=["ide"])


async def ide(request: Request) -> Ide:
    """Return the room's actions."""
    return cast("Ide", request.app.state.ide.room)


Room = Annotated[Ide, Depends(ide)]


@router.post("/{server_id}/ide-token")
async def token(server_id: str, session: InSession, room: Room, body: TokenBody | None = None) -> Any:
    """Return a token for some minutes, and the address to open with it."""
    return await room.token(session, server_id, body.port if body else None)


async def open_ide(server_id: str, session: InIdeSession, room: Room, request: Request) -> Response:
    """Let a browser in, and send it on to the IDE."""
    where, cookies = await room.opened(session, server_id, request.scope["headers"])
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    answer = RedirectResponse(where, status_code=302, headers=headers)
    for cookie in cookies:
        answer.headers.append("set-cookie", cookie)
    return answer


@router.get("/{server_id}/ports")
async def list_ports(server_id: str, user: ServersRead, room: Room) -> Any:
    """List the ports about which something was said."""
    return await room.ports(user, server_id)


@router.put("/{server_id}/ports/{port}")
async def set_port(server_id: str, port: int, body: PortBody, user: ServersWrite, room: Room) -> Any:
    """Open a port to everybody, or to the owner alone again."""
    return await room.set_port(user, server_id, port, public=body.public)


@router.delete("/{server_id}/ports/{port}", status_code=204)
async def drop_port(server_id: str, port: int, user: ServersWrite, room: Room) -> Response:
    """Forget what was said about a port."""
    await room.drop_port(user, server_id, port)
    return Response(status_code=204)


router.add_api_route("/{server_id}/ide", open_ide, methods=["GET"], route_class_override=PageRoute)
