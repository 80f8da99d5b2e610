"""SQL of ``answered_keys``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import AnsweredKey

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

LIFE = timedelta(hours=24)


async def claim(
    session: AsyncSession, *, owner: str, key: str, fingerprint: str, result: str
) -> AnsweredKey | None:
    """Take a key; return the earlier claim when there is one younger than a day.

    A concurrent claim of the same key waits here for the first one's transaction to end.
    """
    old = AnsweredKey.created_at < datetime.now(UTC) - LIFE
    await session.execute(delete(AnsweredKey).where(AnsweredKey.owner == owner, old))
    row = insert(AnsweredKey).values(owner=owner, key=key, fingerprint=fingerprint, result=result)
    taken = await session.scalar(row.on_conflict_do_nothing().returning(AnsweredKey.key))
    return None if taken is not None else await session.get(AnsweredKey, (owner, key))
