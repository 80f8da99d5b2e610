"""Keeps ``hostop:<vmid>`` true to the operations table, which is the record (row S52).

The key may be lost with its store, or run out while a long operation goes on; the row is neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.operations import store
from zpack.control.power.models import KINDS
from zpack.control.power.store import operation_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.db.session import Database
    from zpack.control.power.store import HostOperations


class HostOperationKeys:
    """Holds the key of every unfinished host operation; only the worker that is ``alone`` does it."""

    def __init__(self, *, database: Database, running: HostOperations, alone: Callable[[], bool]) -> None:
        self._database = database
        self._running = running
        self._alone = alone
        self._held: dict[str, int] = {}

    async def tick(self) -> None:
        """Take lost keys again and extend those that are held."""
        if not self._alone():
            return
        async with self._database.reading() as session:
            rows = await store.list_active(session, KINDS)
        for row in rows:
            self._held[row.id] = row.vmid or 0
            await self._running.hold(row.vmid or 0, operation_of(row))
        if self._held:
            await self._release_ended()

    async def _release_ended(self) -> None:
        """Give back the key of an operation that has ended since we took it.

        Its last step may have given it back before that: a run that was interrupted between this step and its
        end is resumed behind it.
        """
        async with self._database.reading() as session:
            active = {row.id for row in await store.list_active(session, KINDS)}
        for operation_id in self._held.keys() - active:
            await self._running.release(self._held[operation_id], operation_id)
            del self._held[operation_id]
