"""SQL of ``mailed_tokens`` and ``reset_requests``. All times are the database's own."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from zpack.control.db.tables import MailedToken, ResetRequest

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

    from zpack.control.recovery.models import Purpose


def ask(session: AsyncSession, email: str) -> None:
    """Note that somebody asked for a reset; whether there is such an account is looked up by a worker."""
    session.add(ResetRequest(email=email))


async def take_request(session: AsyncSession) -> str | None:
    """Remove the oldest request that no other worker is at; return its address."""
    oldest = (
        select(ResetRequest.id).order_by(ResetRequest.id).limit(1).with_for_update(skip_locked=True)
    ).scalar_subquery()
    gone = delete(ResetRequest).where(ResetRequest.id == oldest).returning(ResetRequest.email)
    return await session.scalar(gone)


async def insert_token(
    session: AsyncSession, *, user_id: str, email: str, purpose: Purpose, digest: str, life: timedelta
) -> str:
    """Note a token and where it is sent; return the note's id."""
    row = MailedToken(
        id=f"mtk_{secrets.token_hex(12)}",
        user_id=user_id,
        purpose=purpose,
        hash=digest,
        email=email,
        expires_at=func.now() + life,
    )
    session.add(row)
    await session.flush()
    return row.id


async def count_young(
    session: AsyncSession, user_id: str, email: str, purpose: Purpose, age: timedelta
) -> int:
    """Return how many live tokens were sent to this mailbox lately."""
    young = (
        MailedToken.user_id == user_id,
        MailedToken.email == email,
        MailedToken.purpose == purpose,
        MailedToken.used_at.is_(None),
        MailedToken.created_at > func.now() - age,
    )
    return await session.scalar(select(func.count()).select_from(MailedToken).where(*young)) or 0


async def find_live(session: AsyncSession, digest: str, purpose: Purpose) -> MailedToken | None:
    """Return an unused token that has not run out."""
    live = (
        MailedToken.hash == digest,
        MailedToken.purpose == purpose,
        MailedToken.used_at.is_(None),
        MailedToken.expires_at > func.now(),
    )
    return await session.scalar(select(MailedToken).where(*live))


async def burn(session: AsyncSession, user_id: str, *purposes: Purpose) -> set[str]:
    """Use up all of a user's tokens for these purposes; return the hashes of those that were unused."""
    unused = (
        MailedToken.user_id == user_id,
        MailedToken.purpose.in_(purposes),
        MailedToken.used_at.is_(None),
    )
    burned = update(MailedToken).where(*unused).values(used_at=func.now()).returning(MailedToken.hash)
    return set(await session.scalars(burned))


async def forget_tokens(session: AsyncSession, age: timedelta) -> None:
    """Delete tokens that ran out long ago."""
    await session.execute(delete(MailedToken).where(MailedToken.expires_at < func.now() - age))
