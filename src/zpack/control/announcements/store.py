"""SQL of ``announcements``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, or_, select, tuple_

from zpack.control.db.tables import Announcement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

NEWEST_FIRST = (Announcement.created_at.desc(), Announcement.id.desc())


async def list_current(session: AsyncSession, limit: int) -> Sequence[Announcement]:
    """Return the newest that have not run out."""
    current = or_(Announcement.expires_at.is_(None), Announcement.expires_at > func.now())
    return (
        await session.scalars(select(Announcement).where(current).order_by(*NEWEST_FIRST).limit(limit))
    ).all()


async def page(session: AsyncSession, *, before: str | None, limit: int) -> Sequence[Announcement]:
    """Return the newest, expired ones too, all older than the one named ``before``."""
    wanted = select(Announcement).order_by(*NEWEST_FIRST).limit(limit)
    if before is not None:
        at = select(Announcement.created_at).where(Announcement.id == before).scalar_subquery()
        wanted = wanted.where(tuple_(Announcement.created_at, Announcement.id) < tuple_(at, before))
    return (await session.scalars(wanted)).all()


async def find(session: AsyncSession, announcement_id: str) -> Announcement | None:
    """Return one, locked until the transaction ends."""
    return await session.get(Announcement, announcement_id, with_for_update=True)


async def add(session: AsyncSession, row: Announcement) -> None:
    """Insert one, and have its times."""
    session.add(row)
    await session.flush()
    await session.refresh(row)


async def remove(session: AsyncSession, announcement_id: str) -> bool:
    """Delete one; say whether it was there."""
    gone = delete(Announcement).where(Announcement.id == announcement_id).returning(Announcement.id)
    return (await session.scalar(gone)) is not None
