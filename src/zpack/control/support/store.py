"""SQL of ``support_tickets`` and ``support_messages``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, tuple_

from zpack.control.db.tables import SupportMessage, SupportTicket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

COUNT = (
    select(func.count())
    .select_from(SupportMessage)
    .where(SupportMessage.ticket_id == SupportTicket.id)
    .correlate(SupportTicket)
    .scalar_subquery()
)


async def page(
    session: AsyncSession, *, user_id: str | None, status: str | None, before: str | None, limit: int
) -> list[tuple[SupportTicket, int]]:
    """Return the newest tickets that fit, each with its number of messages; all older than ``before``."""
    newest_first = (SupportTicket.created_at.desc(), SupportTicket.id.desc())
    wanted = select(SupportTicket, COUNT).order_by(*newest_first).limit(limit)
    if user_id is not None:
        wanted = wanted.where(SupportTicket.user_id == user_id)
    if status is not None:
        wanted = wanted.where(SupportTicket.status == status)
    if before is not None:
        at = select(SupportTicket.created_at).where(SupportTicket.id == before).scalar_subquery()
        wanted = wanted.where(tuple_(SupportTicket.created_at, SupportTicket.id) < tuple_(at, before))
    return [(row[0], row[1]) for row in await session.execute(wanted)]


async def find(session: AsyncSession, ticket_id: str, *, lock: bool = False) -> SupportTicket | None:
    """Return one ticket."""
    return await session.get(SupportTicket, ticket_id, with_for_update=lock)


async def messages_of(session: AsyncSession, ticket_id: str) -> Sequence[SupportMessage]:
    """Return a ticket's messages, oldest first."""
    wanted = select(SupportMessage).where(SupportMessage.ticket_id == ticket_id)
    return (await session.scalars(wanted.order_by(SupportMessage.id))).all()


async def count_messages(session: AsyncSession, ticket_id: str) -> int:
    """Return how many messages a ticket has."""
    counted = select(func.count()).select_from(SupportMessage).where(SupportMessage.ticket_id == ticket_id)
    return await session.scalar(counted) or 0


async def add_ticket(session: AsyncSession, row: SupportTicket) -> None:
    """Insert a ticket, and have its times."""
    session.add(row)
    await session.flush()
    await session.refresh(row)


async def add_message(session: AsyncSession, **values: Any) -> int:
    """Insert a message; return its id."""
    row = SupportMessage(**values)
    session.add(row)
    await session.flush()
    return row.id
