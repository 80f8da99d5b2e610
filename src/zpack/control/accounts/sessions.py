"""Login sessions: a login and all that grew from it ends with its session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.accounts import store

if TYPE_CHECKING:
    from zpack.control.db.session import AsyncSession


async def end_all(session: AsyncSession, user_id: str, *, keep: str | None) -> int:
    """End every login session of a user but ``keep``; return how many. API keys are not touched."""
    return await store.revoke_sessions(session, user_id, keep=keep)
