"""One-time tickets: they stand for an access token where none can be sent, at one door, for some seconds."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from zpack.control.accounts.auth import BadToken, digest_of
from zpack.control.accounts.models import Shown
from zpack.control.engine.errors import Refusal

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from zpack.control.accounts.auth import Tokens
    from zpack.control.accounts.models import Session

LIFE_SECONDS = 30


class BadTicket(Refusal):
    """The ticket is not one of ours, was used, is too old, or is for another door: not said which."""

    kind = "unauthorized"
    code = "invalid_ticket"


class Tickets:
    """Tokens of kind ``console``; that one was not used yet is kept in Redis, by its hashed ``jti``."""

    def __init__(self, *, redis: Redis, tokens: Tokens) -> None:
        self._redis = redis
        self._tokens = tokens

    async def issue(self, session: Session, door: str) -> str:
        """Return a ticket for one door, good for ``LIFE_SECONDS`` and for one use."""
        unique = secrets.token_urlsafe(16)
        await self._redis.set(_key(unique), "unused", ex=LIFE_SECONDS)
        return self._tokens.issue(
            session.user.id,
            jti=unique,
            door=door,
            until=session.expires,
            sid=session.sid,
            scopes=sorted(session.scopes),
            key=session.api_key,
        )

    async def redeem(self, ticket: str, door: str) -> Shown:
        """Use a ticket up; return what was shown when it was issued.

        Raises BadTicket; a ticket that was shown at the wrong door is used up too.
        """
        try:
            claims = self._tokens.read(ticket)
        except BadToken as failure:
            raise BadTicket("The ticket is not valid; ask for another one.") from failure
        if not await self._taken(_key(claims["jti"])) or claims["door"] != door:
            raise BadTicket("The ticket is not valid; ask for another one.")
        return Shown(
            user_id=claims["sub"],
            expires=claims["until"],
            sid=claims["sid"],
            scopes=frozenset(claims["scopes"]),
            api_key=claims["key"],
        )

    async def _taken(self, key: str) -> bool:
        """Delete at once, and say whether it was there: of many who ask together one is told so."""
        return await self._redis.delete(key) == 1


def console_door(server_id: str) -> str:
    """Return the door of one server's console."""
    return f"console:{server_id}"


def _key(unique: str) -> str:
    return f"ticket:{digest_of(unique)}"
