"""Puts a backup in the place of the server's files: verified first, a checkpoint kept, swapped in whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from zpack.agent.backups.record import Failed, new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.agent.backups.archiver import Archiver
    from zpack.agent.backups.making import Making
    from zpack.agent.backups.record import Outcome, Record
    from zpack.agent.backups.shelf import Shelf
    from zpack.agent.backups.swap import Swap
    from zpack.agent.faults import FaultPoint
    from zpack.agent.install.server import ServerFolder
    from zpack.agent.power.lock import Operation
    from zpack.agent.power.workload import Workload


class Restoring:
    """Nothing of the server is touched before the whole archive was compared with its manifest."""

    def __init__(
        self,
        *,
        workload: Workload,
        servers: ServerFolder,
        shelf: Shelf,
        archiver: Archiver,
        making: Making,
        swap: Swap,
        fault: FaultPoint,
    ) -> None:
        self._workload = workload
        self._servers = servers
        self._shelf = shelf
        self._archiver = archiver
        self._making = making
        self._swap = swap
        self._fault = fault

    async def recover(self) -> str | None:
        """Finish what a killed agent began; return its operation when the files were replaced."""
        await self._archiver.end_leftovers()
        return await asyncio.to_thread(self._swap.recover)

    async def restore(
        self, operation: Operation, record: Record, outcome: Outcome, *, remember: Callable[[], None]
    ) -> None:
        """Restore; ``remember`` saves the outcome. Raises refusals, ``OSError``, ``WorkloadError``.

        The checkpoint is made while the server runs; of one that does not run well, after it was stopped.
        """
        try:
            await self._unpack(operation, record)
            if self._workload.condition.state == "running":
                await self._checkpoint(operation, record, outcome)

            async def replace() -> None:
                if outcome.checkpoint is None:
                    await self._checkpoint(operation, record, outcome)
                await self._replace(operation, outcome, remember)

            await self._workload.while_stopped(operation, replace)
        finally:
            await asyncio.to_thread(self._swap.clean)

    async def _unpack(self, operation: Operation, record: Record) -> None:
        def report(message: str) -> None:
            operation.message = message

        payload, _ = self._workload.configured()
        await asyncio.to_thread(self._swap.prepare)
        self._fault.reached("restore:begun")
        await self._archiver.unpack(
            self._shelf.folder_of(record.id),
            self._swap.new,
            checksum=record.manifest,
            like=self._servers.path(payload),
            report=report,
        )

    async def _checkpoint(self, operation: Operation, record: Record, outcome: Outcome) -> None:
        label = f"before the restore of {record.id}"
        try:
            made = await self._making.make(operation, new_id(), kind="checkpoint", label=label)
        except OSError as error:
            raise Failed(f"no checkpoint could be made: {error.strerror or error}") from error
        outcome.checkpoint = made.id
        self._fault.reached("restore:checkpointed")

    async def _replace(self, operation: Operation, outcome: Outcome, remember: Callable[[], None]) -> None:
        payload, engine = self._workload.configured()
        operation.message = "replacing the server's files"

        def done() -> None:
            outcome.succeed()
            remember()

        self._fault.reached("restore:stopped")
        swapping = asyncio.create_task(
            asyncio.to_thread(
                self._swap.carry_out,
                outcome.id,
                self._servers.path(payload),
                skip=engine.archiving.skip,
                done=done,
            )
        )
        try:
            await asyncio.shield(swapping)
        except asyncio.CancelledError:
            await asyncio.wait({swapping})  # what is half renamed is not left, and not cleaned away
            raise
