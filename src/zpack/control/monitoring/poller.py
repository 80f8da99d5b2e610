"""Writes down how many play, from the agents' last words: what nobody else records for the charts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from zpack.control.instances.models import COUNTED
from zpack.control.monitoring import store
from zpack.control.monitoring.models import RANGE_SECONDS
from zpack.control.status.word import count_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.db.session import Database
    from zpack.control.heartbeat.store import AgentWords

MOST = (1 << 15) - 1
"""What the column holds; an agent may say more."""
KEPT = timedelta(seconds=RANGE_SECONDS.stop)


class PlayerCounts:
    """Looks at every game that tells who plays; only the worker that is ``alone`` does it."""

    def __init__(self, *, database: Database, words: AgentWords, alone: Callable[[], bool]) -> None:
        self._database = database
        self._words = words
        self._alone = alone

    async def tick(self) -> None:
        """Write what is known now, and forget what no chart shows. Of a game that is not ready nothing is."""
        if not self._alone():
            return
        now = datetime.now(UTC)
        words = await self._words.get_many(await self._counted())
        found = {vmid: count_of(word) for vmid, word in words.items()}
        counts = {vmid: min(count["online"], MOST) for vmid, count in found.items() if count is not None}
        async with self._database.transaction() as session:
            await store.note_players(session, counts, now)
            await store.forget_players(session, now - KEPT)

    async def _counted(self) -> list[int]:
        async with self._database.reading() as session:
            return [row.vmid for row in await store.list_running(session) if row.game in COUNTED]
