"""Delivers notices to the operator, a few at a time, until they are sent or too old to matter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from zpack.control.engine.errors import ForeignError
from zpack.control.repair import store
from zpack.control.repair.models import pause_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.db.session import Database
    from zpack.control.outside.discord import Discord

BATCH = 20
TRIES = 12


class Notices:
    """Sends what is due as one message; only the worker that is ``alone`` does it."""

    def __init__(self, *, database: Database, discord: Discord | None, alone: Callable[[], bool]) -> None:
        self._database = database
        self._discord = discord
        self._alone = alone

    async def tick(self) -> None:
        """Send one message. Without a webhook there is nobody to tell."""
        if self._discord is None or not self._alone():
            return
        now = datetime.now(UTC)
        async with self._database.reading() as session:
            rows = await store.list_notices(session, now, BATCH)
        if not rows:
            return
        due: datetime | None = None
        try:
            await self._discord.post("\n".join(f"zpack: {row.notice}" for row in rows))
        except ForeignError as failure:
            tries = max(row.notice_tries for row in rows) + 1
            wait = max(pause_after(tries), timedelta(seconds=self._discord.retry_after))
            due = now + wait if failure.transient and tries < TRIES else None
        async with self._database.transaction() as session:
            await store.settle_notices(session, [row.id for row in rows], due)
