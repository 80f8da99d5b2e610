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

    async def tick(self) -> None:
        """Take lost keys again and extend those that are held."""
        if not self._alone():
            return
        async with self._database.reading() as session:
            rows = await store.list_active(session, KINDS)
        for row in rows:
            await self._running.hold(row.vmid or 0, operation_of(row))
        if rows:
            await self._release_ended({row.id: row.vmid or 0 for row in rows})

    async def _release_ended(self, held: dict[str, int]) -> None:
        """Give back the key of an operation that ended between our look at it and our taking the key."""
        async with self._database.reading() as session:
            active = {row.id for row in await store.list_active(session, KINDS)}
        for operation_id, vmid in held.items():
            if operation_id not in active:
                await self._running.release(vmid, operation_id)
