"""Access rules of routes. Every route names one; the application refuses to start when one does not.

A rule may name the scopes that an API key needs. One without scopes is for full logins only, so that a new
route is closed to keys until somebody opens it.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request, Security, WebSocket
from fastapi.security import SecurityScopes

from zpack.control.accounts.models import Session, User
from zpack.control.accounts.tickets import console_door
from zpack.control.engine.errors import Refusal
from zpack.control.engine.request import current_origin
from zpack.wire.edge import SECRET_HEADER, hashed_secret

if TYPE_CHECKING:
    from zpack.control.accounts.actions import Accounts


BEARER = "bearer."


class Forbidden(Refusal):
    """The caller is known and may not."""

    kind = "forbidden"
    code = "forbidden"


class ScopeMissing(Refusal):
    """The API key is good and may not; ``details.scopes`` are those it would need."""

    kind = "forbidden"
    code = "insufficient_scope"


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


async def in_session(request: Request, wanted: SecurityScopes) -> Session:
    """Whoever carries a valid access token may, until it ends, and an API key with the scopes."""
    accounts = cast("Accounts", request.app.state.accounts)
    return _admitted(await accounts.session(request.headers.get("authorization")), wanted)


async def in_socket_session(socket: WebSocket, server_id: str, wanted: SecurityScopes) -> Session:
    """Whoever brings a ticket for this server or a valid access token, and from no foreign page, may.

    The token is sent as header or, from a browser, as ``bearer.<token>`` among the subprotocols.
    """
    _check_origin(socket)
    accounts = cast("Accounts", socket.app.state.accounts)
    ticket = socket.query_params.get("ticket")
    if ticket is not None:
        return _admitted(await accounts.redeem_ticket(ticket, console_door(server_id)), wanted)
    offered = cast("list[str]", socket.scope["subprotocols"])
    tokens = [word.removeprefix(BEARER) for word in offered if word.startswith(BEARER)]
    shown = f"Bearer {tokens[0]}" if tokens else socket.headers.get("authorization")
    return _admitted(await accounts.session(shown), wanted)


def _admitted(session: Session, wanted: SecurityScopes) -> Session:
    """Return the session, and let the audit know of it. Raises ScopeMissing."""
    if session.api_key is not None:
        granted = "*" in session.scopes or session.scopes.issuperset(wanted.scopes)
        if not wanted.scopes:
            raise ScopeMissing("This needs a login; no API key may.", details={"scopes": []})
        if not granted:
            raise ScopeMissing("The API key lacks a scope.", details={"scopes": wanted.scopes})
    known = {"session_id": session.sid or None, "api_key": session.api_key}
    current_origin.set(replace(current_origin.get(), **known))
    return session


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


async def in_ide_session(request: Request, server_id: str, wanted: SecurityScopes) -> Session:
    """Whoever brings an IDE token for this container, or a full login, may."""
    token = request.query_params.get("token")
    if token is None:
        return await in_session(request, wanted)
    accounts = cast("Accounts", request.app.state.accounts)
    vmid = int(server_id) if server_id.isascii() and server_id.isdigit() and len(server_id) < 10 else -1  # noqa: PLR2004
    return _admitted(await accounts.ide_session(token, vmid), wanted)


async def signed_in(request: Request, wanted: SecurityScopes) -> User:
    """Whoever carries a valid access token may, and an API key with the scopes."""
    return (await in_session(request, wanted)).user


async def admin(request: Request, wanted: SecurityScopes) -> User:
    """Admins may."""
    user = await signed_in(request, wanted)
    if not user.is_admin:
        raise Forbidden("This needs an administrator.")
    return user


async def edge_secret(request: Request) -> None:
    """The edge may: it proves that it knows the shared secret (contract §6.2)."""
    expected = hashed_secret(cast("str", request.app.state.edge_secret))
    given = request.headers.get(SECRET_HEADER, "")
    if not hmac.compare_digest(expected.encode(), given.strip().lower().encode("utf-8", "replace")):
        raise BadSecret("The shared secret is missing or wrong.")


async def traefik_token(request: Request) -> None:
    """Traefik may: it brings the bearer of its HTTP provider (contract §6.5). Without one nobody may."""
    expected = cast("str | None", request.app.state.traefik_token)
    given = request.headers.get("authorization", "").encode("utf-8", "replace")
    if expected is None or not hmac.compare_digest(f"Bearer {expected}".encode(), given):
        raise BadSecret("The provider's token is missing or wrong.")


RULES = {
    public: "public",
    signed_in: "user",
    in_ide_session: "user",
    in_session: "user",
    in_socket_session: "user",
    admin: "admin",
    edge_secret: "edge",
    traefik_token: "edge",
}
SignedIn = Annotated[User, Depends(signed_in)]
"""A full login. The others below also let API keys in that have the scope."""
InSession = Annotated[Session, Depends(in_session)]
Admin = Annotated[User, Depends(admin)]
OfAccount = Annotated[User, Security(signed_in, scopes=["account"])]
OfBackups = Annotated[User, Security(signed_in, scopes=["backups"])]
OfBilling = Annotated[User, Security(signed_in, scopes=["billing"])]
OfConsole = Annotated[User, Security(signed_in, scopes=["console"])]
OfMods = Annotated[User, Security(signed_in, scopes=["mods"])]
ServersRead = Annotated[User, Security(signed_in, scopes=["servers:read"])]
ServersWrite = Annotated[User, Security(signed_in, scopes=["servers:write"])]
InConsoleSession = Annotated[Session, Security(in_session, scopes=["console"])]
InEventSession = Annotated[Session, Security(in_session, scopes=["servers:read"])]
InFileSession = Annotated[Session, Security(in_session, scopes=["files"])]
InIdeSession = Annotated[Session, Security(in_ide_session)]
InSocketSession = Annotated[Session, Security(in_socket_session, scopes=["console"])]
PUBLIC = [Depends(public)]
EDGE = [Depends(edge_secret)]
TRAEFIK = [Depends(traefik_token)]
