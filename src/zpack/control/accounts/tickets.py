"""One-time tickets: they stand for an access token where none can be sent, at one door, for some seconds."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING

from zpack.control.engine.errors import Refusal

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from zpack.control.accounts.models import Session

LIFE_SECONDS = 30
TICKET_LIMIT = 128


class BadTicket(Refusal):
    """The ticket is not one of ours, was used, is too old, or is for another door: not said which."""

    kind = "unauthorized"
    code = "invalid_ticket"


class Tickets:
    """Kept in Redis, hashed: whoever reads it there cannot use it."""

    def __init__(self, *, redis: Redis) -> None:
        self._redis = redis

    async def issue(self, session: Session, door: str) -> str:
        """Return a ticket for one door, good for ``LIFE_SECONDS`` and for one use."""
        ticket = secrets.token_urlsafe(32)
        body = {"user": session.user.id, "expires": session.expires, "door": door}
        await self._redis.set(_key(ticket), json.dumps(body), ex=LIFE_SECONDS)
        return ticket

    async def redeem(self, ticket: str, door: str) -> tuple[str, float]:
        """Use a ticket up; return the user's id and the end of the session it was issued in.

        Raises BadTicket; a ticket that was shown at the wrong door is used up too.
        """
        found = await self._taken(_key(ticket)) if len(ticket) <= TICKET_LIMIT else None
        body = json.loads(found) if found else {}
        if body.get("door") != door:
            raise BadTicket("The ticket is not valid; ask for another one.")
        return body["user"], body["expires"]

    async def _taken(self, key: str) -> str | None:
        """Read and delete at once. In a transaction: GETDEL is newer than the Redis we ask for."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(key)
            pipe.delete(key)
            found, _ = await pipe.execute()
        return found


def console_door(server_id: str) -> str:
    """Return the door of one server's console."""
    return f"console:{server_id}"


def _key(ticket: str) -> str:
    return f"ticket:{hashlib.sha256(ticket.encode('utf-8', 'surrogatepass')).hexdigest()}"
