"""Makes one backup of the server as it is now, running or not."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Any

from zpack.agent.backups.record import Failed, Record
from zpack.agent.power.lock import now

if TYPE_CHECKING:
    from pathlib import Path

    from zpack.agent.backups.archiver import Archiver
    from zpack.agent.backups.saving import Saving
    from zpack.agent.backups.shelf import Shelf
    from zpack.agent.config.payload import Payload
    from zpack.agent.faults import FaultPoint
    from zpack.agent.games.engine import Engine
    from zpack.agent.install.server import ServerFolder
    from zpack.agent.power.lock import Operation
    from zpack.agent.power.workload import Workload
    from zpack.wire.backups import BackupKind


class Making:
    """Flush, stop saving, archive, save again: the last always, whatever became of the others."""

    def __init__(
        self,
        *,
        workload: Workload,
        servers: ServerFolder,
        shelf: Shelf,
        archiver: Archiver,
        saving: Saving,
        fault: FaultPoint,
    ) -> None:
        self._workload = workload
        self._servers = servers
        self._shelf = shelf
        self._archiver = archiver
        self._saving = saving
        self._fault = fault

    async def make(self, operation: Operation, backup_id: str, *, kind: BackupKind, label: str) -> Record:
        """Return the finished backup; before that nothing of it can be seen. Raises refusals, ``OSError``."""
        payload, engine = self._workload.configured()
        created, process, fresh = now(), self._workload.process, self._shelf.fresh(backup_id)
        try:
            self._fault.reached("backup:begun")
            if process is not None:
                operation.message = "waiting until the server has saved its world"
                await self._saving.pause(engine.archiving)
            packed = await self._pack(operation, payload, engine, fresh)
            if self._workload.process is not process:
                raise Failed("the server was started or ended meanwhile", code="server_changed")
            about = {"id": backup_id, "createdAt": created, "type": kind, "label": label}
            record = _record(payload, about | packed)
            await asyncio.to_thread(self._shelf.put, fresh, record)
        finally:
            self._saving.resume(engine.archiving)
            self._fault.reached("backup:resumed")
            shutil.rmtree(fresh, ignore_errors=True)
        return record

    async def _pack(
        self, operation: Operation, payload: Payload, engine: Engine, fresh: Path
    ) -> dict[str, Any]:
        def report(message: str) -> None:
            operation.message = message

        folder = self._servers.path(payload)
        return await self._archiver.pack(folder, fresh, skip=engine.archiving.skip, report=report)


def _record(payload: Payload, about: dict[str, Any]) -> Record:
    names = ("game", "variant", "version", "world")
    renamed = {"sizeBytes": about.pop("size"), "contentBytes": about.pop("content")}
    return Record(**{name: getattr(payload, name) for name in names}, **renamed, **about)
