"""Where an operation keeps the UPIDs of its running Proxmox tasks, so that its next run finds them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.operations import store

if TYPE_CHECKING:
    from zpack.control.db.session import Database
    from zpack.control.engine.steps import State


class OperationNote:
    """The running tasks of one operation, by their kind."""

    def __init__(self, *, database: Database, operation_id: str) -> None:
        self._database = database
        self._operation_id = operation_id

    async def begun(self, kind: str) -> str | None:
        """Return the UPID that an earlier run began and did not see the end of."""
        async with self._database.reading() as session:
            return await store.find_task(session, self._operation_id, kind)

    async def note(self, kind: str, upid: str | None) -> None:
        """Keep a UPID, or forget it."""
        async with self._database.transaction() as session:
            await store.note_task(session, self._operation_id, kind, upid)


def warned(state: State, *warnings: str | None) -> State:
    """Return the fact that tasks went well with warnings, beside earlier ones; nothing without any."""
    told = [text for text in warnings if text]
    return {"warnings": [*state.get("warnings", []), *told]} if told else {}
