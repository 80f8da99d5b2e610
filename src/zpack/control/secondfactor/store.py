"""SQL of ``second_factors`` and ``recovery_codes``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import RecoveryCode, SecondFactor

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession


async def lock(session: AsyncSession, user_id: str) -> SecondFactor | None:
    """Return a user's second factor, which nobody else uses until the transaction ends."""
    return await session.get(SecondFactor, user_id, with_for_update=True)


async def propose(session: AsyncSession, user_id: str, sealed: str) -> bool:
    """Keep a secret that is not confirmed yet; return False when a confirmed one is there."""
    fresh = {"sealed": sealed, "last_step": 0, "created_at": func.now()}
    row = insert(SecondFactor).values(user_id=user_id, sealed=sealed)
    kept = row.on_conflict_do_update(
        index_elements=["user_id"], set_=fresh, where=SecondFactor.confirmed_at.is_(None)
    )
    return (await session.scalar(kept.returning(SecondFactor.user_id))) is not None


async def confirm(session: AsyncSession, user_id: str) -> None:
    """Say that the user has shown a code of it."""
    changed = update(SecondFactor).where(SecondFactor.user_id == user_id)
    await session.execute(changed.values(confirmed_at=func.now()))


async def replace_codes(session: AsyncSession, user_id: str, digests: Collection[str]) -> None:
    """Put these recovery codes in the place of all others."""
    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    await session.execute(insert(RecoveryCode), [{"user_id": user_id, "digest": each} for each in digests])


async def use_code(session: AsyncSession, user_id: str, digest: str) -> bool:
    """Use a recovery code up; return False when there is no such."""
    gone = delete(RecoveryCode).where(RecoveryCode.user_id == user_id, RecoveryCode.digest == digest)
    return (await session.scalar(gone.returning(RecoveryCode.digest))) is not None


async def count_codes(session: AsyncSession, user_id: str) -> int:
    """Return how many recovery codes are left."""
    counted = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.user_id == user_id)
    return await session.scalar(counted) or 0


async def remove(session: AsyncSession, user_id: str) -> None:
    """Forget a user's second factor and recovery codes."""
    await session.execute(delete(SecondFactor).where(SecondFactor.user_id == user_id))
    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
