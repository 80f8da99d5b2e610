"""Access rules of routes. Every route names one; the application refuses to start when one does not."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request

from zpack.control.accounts.models import Session, User
from zpack.control.engine.errors import Refusal
from zpack.wire.edge import SECRET_HEADER, hashed_secret

if TYPE_CHECKING:
    from zpack.control.accounts.actions import Accounts


class Forbidden(Refusal):
    """The caller is known and may not."""

    kind = "forbidden"
    code = "forbidden"


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


RULES = {public: "public", signed_in: "user", in_session: "user", admin: "admin", edge_secret: "edge"}
InSession = Annotated[Session, Depends(in_session)]
SignedIn = Annotated[User, Depends(signed_in)]
Admin = Annotated[User, Depends(admin)]
PUBLIC = [Depends(public)]
EDGE = [Depends(edge_secret)]
