"""Access rules of routes. Every route names one; the application refuses to start when one does not."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request, WebSocket

from zpack.control.accounts.models import Session, User
from zpack.control.accounts.tickets import console_door
from zpack.control.engine.errors import Refusal
from zpack.wire.edge import SECRET_HEADER, hashed_secret

if TYPE_CHECKING:
    from zpack.control.accounts.actions import Accounts


BEARER = "bearer."


class Forbidden(Refusal):
    """The caller is known and may not."""

    kind = "forbidden"
    code = "forbidden"


class ForeignOrigin(Refusal):
    """A page of another site tries to open a socket in its visitor's name."""

    kind = "forbidden"
    code = "origin_not_allowed"


class BadSecret(Refusal):
    """The shared secret of the edge is missing or wrong."""

    kind = "unauthorized"
    code = "unauthorized"


async def public() -> None:
    """Everyone may."""


async def in_session(request: Request) -> Session:
    """Whoever carries a valid access token may, until it ends."""
    accounts = cast("Accounts", request.app.state.accounts)
    return await accounts.session(request.headers.get("authorization"))


async def in_socket_session(socket: WebSocket, server_id: str) -> Session:
    """Whoever brings a ticket for this server or a valid access token, and from no foreign page, may.

    The token is sent as header or, from a browser, as ``bearer.<token>`` among the subprotocols.
    """
    _check_origin(socket)
    accounts = cast("Accounts", socket.app.state.accounts)
    ticket = socket.query_params.get("ticket")
    if ticket is not None:
        return await accounts.redeem_ticket(ticket, console_door(server_id))
    offered = cast("list[str]", socket.scope["subprotocols"])
    tokens = [word.removeprefix(BEARER) for word in offered if word.startswith(BEARER)]
    return await accounts.session(f"Bearer {tokens[0]}" if tokens else socket.headers.get("authorization"))


def _check_origin(socket: WebSocket) -> None:
    """Refuse pages of other sites; a client that is no browser names none. Raises ForeignOrigin."""
    origin = socket.headers.get("origin")
    if origin is None:
        return
    allowed = cast("tuple[str, ...]", socket.app.state.cors_origins)
    host = socket.headers.get("host", "").lower()
    own = host != "" and origin.lower() in {f"http://{host}", f"https://{host}"}
    if not (own or origin in allowed or "*" in allowed):
        raise ForeignOrigin("Pages of this site may not open sockets here.")


async def signed_in(request: Request) -> User:
    """Whoever carries a valid access token may."""
    return (await in_session(request)).user


async def admin(request: Request) -> User:
    """Admins may."""
    user = await signed_in(request)
    if not user.is_admin:
        raise Forbidden("This needs an administrator.")
    return user


async def edge_secret(request: Request) -> None:
    """The edge may: it proves that it knows the shared secret (contract §6.2)."""
    expected = hashed_secret(cast("str", request.app.state.edge_secret))
    given = request.headers.get(SECRET_HEADER, "")
    if not hmac.compare_digest(expected.encode(), given.strip().lower().encode("utf-8", "replace")):
        raise BadSecret("The shared secret is missing or wrong.")


RULES = {
    public: "public",
    signed_in: "user",
    in_session: "user",
    in_socket_session: "user",
    admin: "admin",
    edge_secret: "edge",
}
InSocketSession = Annotated[Session, Depends(in_socket_session)]
InSession = Annotated[Session, Depends(in_session)]
SignedIn = Annotated[User, Depends(signed_in)]
Admin = Annotated[User, Depends(admin)]
PUBLIC = [Depends(public)]
EDGE = [Depends(edge_secret)]
