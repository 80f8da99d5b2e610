"""Access rules of routes. Every route names one; the application refuses to start when one does not.

A rule may name the scopes that an API key needs. One without scopes is for full logins only, so that a new
route is closed to keys until somebody opens it.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request, Security, WebSocket
from fastapi.security import SecurityScopes

from zpack.control.accounts.models import Session, User
from zpack.control.accounts.tickets import console_door
from zpack.control.engine.errors import Refusal
from zpack.control.engine.request import current_origin
from zpack.wire.edge import SECRET_HEADER, hashed_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import HTTPConnection

    from zpack.control.accounts.actions import Accounts


BEARER = "bearer."
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


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
    """The shared secret of the edge, or the token of Prometheus, is missing or wrong."""

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


async def perhaps_signed_in(request: Request) -> User | None:
    """Everyone may; whoever shows a full login that is good is known by it."""
    if request.headers.get("authorization") is None:
        return None
    try:
        return await signed_in(request, SecurityScopes())
    except Refusal:
        return None


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


async def scraper(request: Request) -> None:
    """Prometheus may read our figures, by its token; where none is set, callers on this host may.

    A caller that a proxy brought is not on this host, and neither is a page that calls us by a foreign name.
    """
    if not may_scrape(request, cast("str | None", request.app.state.metrics_token)):
        raise BadSecret("The bearer token is missing or wrong.")


async def discoverer(request: Request) -> None:
    """Prometheus may list what to scrape, by its token; without one nobody may (contract §2.11)."""
    token = cast("str | None", request.app.state.discovery_token)
    if not is_bearer(request.headers.get("authorization"), token):
        raise BadSecret("The bearer token is missing or wrong.")


def may_scrape(request: HTTPConnection, token: str | None) -> bool:
    """Say whether a request may read a process's figures."""
    if token is not None:
        return is_bearer(request.headers.get("authorization"), token)
    return is_neighbour(request.client.host if request.client else "", request.headers)


def is_neighbour(client: str, headers: Mapping[str, str]) -> bool:
    """Say whether a request comes straight from a program on this host."""
    host = headers.get("host", "").rsplit(":", 1)[0].strip("[]").lower()
    return all(map(_is_loopback, (client, host))) and not any(name in headers for name in FORWARDED)


def is_bearer(shown: str | None, token: str | None) -> bool:
    """Say whether a header shows this token; where there is none, nothing does."""
    scheme, _, given = (shown or "").partition(" ")
    expected = (token or "").encode()
    same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), expected)
    return bool(expected) and scheme.lower() == "bearer" and same


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


RULES = {
    public: "public",
    perhaps_signed_in: "public",
    signed_in: "user",
    in_ide_session: "user",
    in_session: "user",
    in_socket_session: "user",
    admin: "admin",
    edge_secret: "edge",
    traefik_token: "edge",
    scraper: "scraper",
    discoverer: "discoverer",
}
SignedIn = Annotated[User, Depends(signed_in)]
"""A full login. The others below also let API keys in that have the scope."""
PerhapsSignedIn = Annotated[User | None, Depends(perhaps_signed_in)]
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
SCRAPER = [Depends(scraper)]
DISCOVERER = [Depends(discoverer)]
