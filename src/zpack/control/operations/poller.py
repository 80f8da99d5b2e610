"""Hands queued operations to the workflow kernel.

The queued row is the intent, so a process that dies between the commit and the start loses nothing: whoever
comes next starts the run, and starting one attempt twice is one run.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from zpack.control.operations import store

if TYPE_CHECKING:
    from zpack.control.db.session import Database
    from zpack.control.engine.steps import State

log = logging.getLogger("zpack.operations")
BATCH = 100


class Starter(Protocol):
    """The part of the workflow kernel that starts runs."""

    async def start(self, operation_id: str, kind: str, state: State, *, attempt: int) -> None:
        """Start one run."""
        ...


class Dispatcher:
    """Starts what is queued."""

    def __init__(self, *, database: Database, workflows: Starter) -> None:
        self._database = database
        self._workflows = workflows
        self._started: set[tuple[str, int]] = set()

    async def tick(self) -> None:
        """Start every queued operation this process has not started yet."""
        async with self._database.transaction() as session:
            await store.purge_keys(session)
            queued = await store.list_queued(session, BATCH)
        self._started &= {(row.id, row.attempt) for row in queued}
        for row in queued:
            if (row.id, row.attempt) in self._started:
                continue
            try:
                await self._workflows.start(row.id, row.kind, row.input, attempt=row.attempt)
                log.info("started %s of %s", row.kind, row.vmid)
            except KeyError:  # a newer program queued it: that one starts it, the others behind it go on
                log.warning("this worker does not know %s", row.kind)
            self._started.add((row.id, row.attempt))
