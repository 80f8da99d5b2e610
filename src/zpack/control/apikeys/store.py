"""SQL of ``api_keys``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import ApiKey

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

FOUND = text(
    "select id, user_id, scopes, expires_at,"
    " last_used_at is null or last_used_at < now() - interval '1 minute'"
    " from api_keys where digest = :digest and (expires_at is null or expires_at > now())"
)
LIVE = text("select id from api_keys where id = any(:ids) and (expires_at is null or expires_at > now())")
USED = text("update api_keys set last_used_at = now() where id = :id")
ONE_AT_A_TIME = text("select pg_advisory_xact_lock(hashtextextended('keys of ' || :user, 0))")


async def find(session: AsyncSession, digest: str) -> Any:
    """Return id, owner, scopes, end of a live key, and whether its last use is to be noted; or None."""
    return (await session.execute(FOUND, {"digest": digest})).one_or_none()


async def live(session: AsyncSession, ids: Collection[str]) -> set[str]:
    """Return those keys that are still good."""
    return set((await session.scalars(LIVE, {"ids": list(ids)})).all())


async def note_use(session: AsyncSession, key_id: str) -> None:
    """Note that a key is used now."""
    await session.execute(USED, {"id": key_id})


async def lock_owner(session: AsyncSession, user_id: str) -> None:
    """Let nobody else add a key of this owner until the transaction ends."""
    await session.execute(ONE_AT_A_TIME, {"user": user_id})


async def listed(session: AsyncSession, user_id: str) -> Sequence[ApiKey]:
    """Return an owner's keys, oldest first."""
    found = select(ApiKey).where(ApiKey.user_id == user_id).order_by(ApiKey.created_at, ApiKey.id)
    return (await session.scalars(found)).all()


async def add(session: AsyncSession, **values: Any) -> ApiKey:
    """Insert a key."""
    row = await session.scalar(insert(ApiKey).values(**values).returning(ApiKey))
    assert row is not None  # noqa: S101 - an insert returns its row
    return row


async def remove(session: AsyncSession, user_id: str, key_id: str) -> bool:
    """Delete an owner's key; return False when there is none."""
    gone = delete(ApiKey).where(ApiKey.user_id == user_id, ApiKey.id == key_id).returning(ApiKey.id)
    return (await session.scalar(gone)) is not None
