"""SQL of ``mail_outbox``. All times are the database's own."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import OutboxMail
from zpack.control.mail.models import Queued

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

    from zpack.control.mail.models import Outcome


async def queue(
    session: AsyncSession, template: str, *, to: str, user_id: str | None, key: str, **facts: Any
) -> None:
    """Add a mail to the caller's transaction; one with a key that was queued before changes nothing."""
    row = insert(OutboxMail).values(
        id=f"mail_{secrets.token_hex(12)}",
        key=key,
        template=template,
        user_id=user_id,
        recipient=to,
        facts=facts,
    )
    await session.execute(row.on_conflict_do_nothing(index_elements=["key"]))


async def claim(session: AsyncSession, *, most: int, lease: timedelta) -> list[Queued]:
    """Take at most so many mails that are due, oldest first; nobody else gets them before the lease ends."""
    due = (
        select(OutboxMail.id)
        .where(OutboxMail.outcome.is_(None), OutboxMail.due_at <= func.now())
        .order_by(OutboxMail.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    rows = await session.scalars(
        update(OutboxMail)
        .where(OutboxMail.id.in_(due.scalar_subquery()))
        .values(due_at=func.now() + lease, attempts=OutboxMail.attempts + 1)
        .returning(OutboxMail)
    )
    return [_queued(row) for row in rows]


async def note_road(session: AsyncSession, mail: Queued, road: str) -> bool:
    """Remember which way is about to take a mail; return False when the claim is no longer ours."""
    return await _change(session, mail, road=road)


async def end(session: AsyncSession, mail: Queued, outcome: Outcome, complaint: str | None = None) -> bool:
    """Note how it ended, and forget what it said and to whom; return False when the claim was lost."""
    return await _change(
        session,
        mail,
        outcome=outcome,
        complaint=complaint,
        facts=None,
        recipient=None,
        ended_at=func.now(),
    )


async def put_off(
    session: AsyncSession, mail: Queued, pause: timedelta, complaint: str, *, road: str | None
) -> bool:
    """Give a mail back, to be tried later, first on the given road; return False when the claim was lost."""
    return await _change(session, mail, due_at=func.now() + pause, complaint=complaint, road=road)


async def forget(session: AsyncSession, age: timedelta) -> None:
    """Delete what ended long ago; from then on its key may be queued again."""
    await session.execute(delete(OutboxMail).where(OutboxMail.ended_at < func.now() - age))


async def _change(session: AsyncSession, mail: Queued, **values: Any) -> bool:
    ours = (OutboxMail.id == mail.id, OutboxMail.attempts == mail.attempts, OutboxMail.outcome.is_(None))
    changed = update(OutboxMail).where(*ours).values(**values).returning(OutboxMail.id)
    return (await session.scalar(changed)) is not None


def _queued(row: OutboxMail) -> Queued:
    return Queued(
        id=row.id,
        template=row.template,
        recipient=row.recipient or "",
        user_id=row.user_id,
        facts=row.facts or {},
        attempts=row.attempts,
        road=row.road,
        created_at=row.created_at,
    )
