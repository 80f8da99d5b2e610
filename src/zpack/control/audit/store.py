"""SQL of ``audit_log``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import String, literal_column, select

from zpack.control.db.tables import AuditEntry
from zpack.control.engine.request import current_origin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

VMID = literal_column("(audit_log.payload ->> 'vmid')", String)
"""As the index has it: with the key as a parameter it would not be used."""


def record(session: AsyncSession, action: str, *, actor: str | None, **payload: Any) -> None:
    """Add an audit row to the caller's transaction: it is there exactly when the mutation is.

    Address, login session and API key are those of the request in whose course it happens.
    """
    origin = current_origin.get()
    session.add(
        AuditEntry(
            action=action,
            actor=actor,
            address=origin.address,
            session_id=origin.session_id,
            api_key=origin.api_key,
            payload=payload,
        )
    )


async def page(
    session: AsyncSession,
    *,
    actor: str | None,
    action: str | None,
    since: datetime | None,
    before: int | None,
    limit: int,
    vmid: int | None = None,
) -> Sequence[AuditEntry]:
    """Return the newest rows that fit, at most ``limit``, all older than the row ``before``."""
    wanted = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if actor is not None:
        wanted = wanted.where(AuditEntry.actor == actor)
    if action is not None:
        wanted = wanted.where(AuditEntry.action == action)
    if since is not None:
        wanted = wanted.where(AuditEntry.created_at >= since)
    if before is not None:
        wanted = wanted.where(AuditEntry.id < before)
    if vmid is not None:
        wanted = wanted.where(VMID.in_([str(vmid)]))
    return (await session.scalars(wanted)).all()
