"""SQL of ``audit_log``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.db.tables import AuditEntry

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


def record(session: AsyncSession, action: str, *, actor: str | None, **payload: Any) -> None:
    """Add an audit row to the caller's transaction: it is there exactly when the mutation is."""
    session.add(AuditEntry(action=action, actor=actor, payload=payload))
