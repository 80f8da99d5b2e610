"""Login sessions: a login and all that grew from it ends with its session.

A refresh token is good once. Its successor belongs to the next generation; whoever shows an older one shows
a copy, and the whole session ends (docs/decisions/0013-tokens-and-sessions.md).
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from zpack.control.accounts import store
from zpack.control.accounts.auth import BadToken, access_claims, digest_of
from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal
from zpack.control.engine.request import current_origin

if TYPE_CHECKING:
    from zpack.control.accounts.auth import TokenKinds
    from zpack.control.accounts.models import Session, User
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.db.tables import LoginSession
    from zpack.control.engine.limits import RateLimit

SESSIONS_PER_USER = 50
LONGEST = timedelta(days=365)
"""However often it is used, a session ends after this."""
GRACE = timedelta(seconds=10)
"""For so long the last refresh token is still exchanged: its answer may have been lost on the way."""


class SessionMissing(Refusal):
    """The caller has no such session."""

    kind = "not_found"
    code = "session_not_found"


class Sessions:
    """Begins, prolongs and ends login sessions."""

    def __init__(self, *, database: Database, tokens: TokenKinds, limit: RateLimit) -> None:
        self._database = database
        self._tokens = tokens
        self._limit = limit

    async def begin(self, transaction: AsyncSession, user: User) -> dict[str, Any]:
        """Begin a session in the caller's transaction; return ``{token, refreshToken, expiresIn}``."""
        origin, sid = current_origin.get(), f"ses_{secrets.token_hex(12)}"
        await store.insert_session(
            transaction,
            id=sid,
            user_id=user.id,
            address=origin.address or "unknown",
            user_agent=origin.user_agent,
            expires_at=datetime.now(UTC) + self._tokens.refresh.life,
        )
        live = await store.live_sessions(transaction, user.id)
        surplus = [row.id for row in live if row.id != sid][SESSIONS_PER_USER - 1 :]
        if surplus:
            await store.revoke_sessions(transaction, user.id, only=surplus)
        current_origin.set(replace(origin, session_id=sid))
        return await self._issued(transaction, user, sid, generation=0)

    async def refresh(self, token: str) -> dict[str, Any]:
        """Exchange a refresh token for what ``begin`` returns. Raises BadToken, TooManyTries."""
        claims = self._tokens.refresh.read(token)
        await self._limit.hit("refresh", claims["sid"])
        async with self._database.transaction() as transaction:
            answer = await self._rotated(transaction, claims["sid"], digest_of(claims["jti"]))
        if answer is None:
            raise BadToken("The refresh token is not valid or was used before; log in again.")
        return answer

    async def _rotated(self, transaction: AsyncSession, sid: str, digest: str) -> dict[str, Any] | None:
        row = await store.lock_session(transaction, sid)
        user = await store.find_by_id(transaction, row.user_id) if row is not None else None
        if row is None or user is None:
            return None
        current_origin.set(replace(current_origin.get(), session_id=sid))
        now = datetime.now(UTC)
        generation = await store.generation_of(transaction, digest)
        if generation == row.generation:
            row.generation += 1
            row.last_used_at = now
            row.expires_at = min(now + self._tokens.refresh.life, row.created_at + LONGEST)
        elif not (generation == row.generation - 1 and now - row.last_used_at <= GRACE):
            row.revoked_at = now
            record(transaction, "session.reuse", actor=user.id)
            return None
        record(transaction, "session.refresh", actor=user.id)
        return await self._issued(transaction, store.seen(user), sid, generation=row.generation)

    async def _issued(
        self, transaction: AsyncSession, user: User, sid: str, *, generation: int
    ) -> dict[str, Any]:
        unique = secrets.token_urlsafe(32)
        await store.insert_refresh_token(
            transaction, digest=digest_of(unique), sid=sid, generation=generation
        )
        return {
            "token": self._tokens.access.issue(user.id, **access_claims(user, sid)),
            "refreshToken": self._tokens.refresh.issue(user.id, sid=sid, jti=unique),
            "expiresIn": self._tokens.access.seconds,
        }

    async def log_out(self, tokens: dict[str, str]) -> None:
        """End the session of each of these tokens, by kind; what is no token of ours changes nothing."""
        for kind, token in tokens.items():
            try:
                claims = (self._tokens.refresh if kind == "refresh" else self._tokens.access).read(token)
            except BadToken:
                continue
            async with self._database.transaction() as transaction:
                if await store.revoke_sessions(transaction, claims["sub"], only=[claims["sid"]]):
                    record(transaction, "user.logout", actor=claims["sub"], ended=claims["sid"])

    async def end_all(self, session: Session) -> int:
        """End every session of the caller, also this one; return how many."""
        async with self._database.transaction() as transaction:
            ended = await end_all(transaction, session.user.id, keep=None)
            record(transaction, "user.logout-all", actor=session.user.id, sessions=ended)
        return ended

    async def listed(self, session: Session) -> list[dict[str, Any]]:
        """Return the caller's live sessions, the last used first."""
        async with self._database.reading() as reading:
            rows = await store.live_sessions(reading, session.user.id)
        return [_shown(row, current=row.id == session.sid) for row in rows]

    async def end(self, session: Session, sid: str) -> None:
        """End one session of the caller. Raises SessionMissing."""
        async with self._database.transaction() as transaction:
            if not await store.revoke_sessions(transaction, session.user.id, only=[sid]):
                raise SessionMissing("You have no such session.")
            record(transaction, "session.revoke", actor=session.user.id, ended=sid)


async def end_all(transaction: AsyncSession, user_id: str, *, keep: str | None) -> int:
    """End every login session of a user but ``keep``; return how many. API keys are not touched."""
    return await store.revoke_sessions(transaction, user_id, keep=keep)


def _shown(row: LoginSession, *, current: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "address": row.address,
        "userAgent": row.user_agent,
        "createdAt": row.created_at.isoformat(),
        "lastUsedAt": row.last_used_at.isoformat(),
        "expiresAt": row.expires_at.isoformat(),
        "current": current,
    }
