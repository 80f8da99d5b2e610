"""Forgets login sessions that ended long ago, and their refresh tokens with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.accounts import store

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.db.session import Database

AT_ONCE = 1000


class EndedSessions:
    """Deletes them, a batch at a time; only the worker that is ``alone`` does it."""

    def __init__(self, *, database: Database, alone: Callable[[], bool]) -> None:
        self._database = database
        self._alone = alone

    async def tick(self) -> None:
        """Delete until none is left."""
        gone = AT_ONCE
        while self._alone() and gone == AT_ONCE:
            async with self._database.transaction() as session:
                gone = await store.forget_sessions(session, most=AT_ONCE)
