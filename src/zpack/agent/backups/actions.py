"""Backups of this container's server: made, listed, restored, deleted; one operation at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from zpack.agent.backups.record import Failed, NoBackup, Outcome, new_id
from zpack.agent.config.files import read_json, write_json
from zpack.agent.problems import Conflict, NotReady, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from zpack.agent.backups.making import Making
    from zpack.agent.backups.restoring import Restoring
    from zpack.agent.backups.saving import Saving
    from zpack.agent.backups.shelf import Shelf
    from zpack.agent.config.payload import Payload
    from zpack.agent.install.server import ServerFolder
    from zpack.agent.power.lock import Operation, OperationLock
    from zpack.agent.power.workload import Workload
    from zpack.agent.settings import Keeping
    from zpack.wire.backups import BackupBegun, BackupKind, BackupList, BackupMade

    Work = Callable[[Operation, Outcome], Awaitable[None]]

OURS = frozenset({"backup", "restore"})
log = logging.getLogger(__name__)


@dataclass
class Running:
    """An operation that somebody may wait for."""

    outcome: Outcome
    failure: Refusal | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Backups:
    """The room's actions. ``last`` is the file in which the last operation outlives the agent."""

    def __init__(
        self,
        *,
        workload: Workload,
        lock: OperationLock,
        servers: ServerFolder,
        shelf: Shelf,
        making: Making,
        restoring: Restoring,
        saving: Saving,
        keeping: Keeping,
        last: Path,
    ) -> None:
        self._workload = workload
        self._lock = lock
        self._servers = servers
        self._shelf = shelf
        self._making = making
        self._restoring = restoring
        self._saving = saving
        self._keeping = keeping
        self._last_file = last
        self._last: Outcome | None = None

    async def recover(self) -> None:
        """Finish or undo what a killed agent began; called once, before the workload is started.

        Raises ``OSError`` when a half replaced folder can be neither finished nor put back.
        """
        replaced = await self._restoring.recover()
        await asyncio.to_thread(self._shelf.clean)
        self._last = Outcome.from_json(read_json(self._last_file))
        if self._last and self._last.state == "running":
            if replaced == self._last.id or self._is_made(self._last):
                self._last.succeed()
            else:
                self._last.fail("interrupted", "the agent ended meanwhile; nothing was changed")
            self._remember()

    def settle(self) -> None:
        """Let a server save again that outlived the agent which had stopped its saving."""
        with contextlib.suppress(Refusal):
            _, engine = self._workload.configured()
            self._saving.resume(engine.archiving)

    def list(self) -> BackupList:
        """Return all backups, newest first, and the last operation."""
        body: BackupList = {"backups": [record.shown() for record in self._shelf.records()]}
        if self._last:
            body["operation"] = self._last.shown()
        return body

    def get(self, backup_id: str) -> BackupMade:
        """Return one. Raises :class:`NoBackup`."""
        return {"backup": self._shelf.find(backup_id).shown()}

    def operation(self, operation_id: str) -> BackupBegun:
        """Return the last operation, if that is its id. Raises :class:`NoBackup`."""
        if self._last is None or self._last.id != operation_id:
            raise NoBackup("there is no such operation", code="operation_not_found")
        body: BackupBegun = {"operation": self._last.shown()}
        with contextlib.suppress(NoBackup):
            if self._last.type == "restore":
                body["restored"] = self._shelf.find(self._last.backup).shown()
                body["checkpoint"] = self._shelf.find(self._last.checkpoint or "").shown()
        return body

    async def create(self, label: str, *, wait: float) -> BackupMade | BackupBegun:
        """Begin a backup; return it when it is done within ``wait`` seconds, else the operation.

        Raises :class:`Conflict`, :class:`NotReady`, and what the backup failed with meanwhile.
        """
        self._installed()
        backup_id = new_id()

        async def work(operation: Operation, _: Outcome) -> None:
            await self._making.make(operation, backup_id, kind="manual", label=label)
            self._retire("manual", keep=self._keeping.keep, spare={backup_id})

        running = self._begin("backup", backup_id, work)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await running.ended.wait()
        if running.failure:
            raise running.failure
        if running.outcome.state == "succeeded":
            return {"backup": self._shelf.find(backup_id).shown()}
        return {"operation": running.outcome.shown()}

    def restore(self, backup_id: str) -> BackupBegun:
        """Begin a restore. Raises :class:`NoBackup`, :class:`Conflict`, :class:`NotReady`."""
        record = self._shelf.find(backup_id)
        record.check_fits(self._installed())

        async def work(operation: Operation, outcome: Outcome) -> None:
            try:
                await self._restoring.restore(operation, record, outcome, remember=self._remember)
            finally:
                spare = {record.id, outcome.checkpoint or ""}
                self._retire("checkpoint", keep=self._keeping.keep_checkpoints, spare=spare)

        running = self._begin("restore", backup_id, work)
        return {"operation": running.outcome.shown(), "restored": record.shown()}

    async def delete(self, backup_id: str) -> None:
        """Delete one. Raises :class:`NoBackup`, :class:`Conflict` while a backup or restore is at work."""
        current = self._lock.current
        if current and current.kind in OURS:
            raise Conflict(f"{current.kind} is in progress since {current.started_at}")
        await asyncio.to_thread(self._shelf.remove, backup_id)

    def _is_made(self, outcome: Outcome) -> bool:
        return outcome.type == "backup" and any(r.id == outcome.backup for r in self._shelf.records())

    def _installed(self) -> Payload:
        payload, _ = self._workload.configured()
        if not self._servers.path(payload).is_dir():
            raise NotReady("the server is not installed yet")
        return payload

    def _begin(self, kind: Literal["backup", "restore"], backup_id: str, work: Work) -> Running:
        running = Running(Outcome(kind, backup_id))

        async def carry_out(operation: Operation) -> None:
            try:
                await self._watched(running, work(operation, running.outcome))
            finally:
                self._remember()
                running.ended.set()

        self._workload.begin(kind, carry_out)
        self._last = running.outcome
        self._remember()
        return running

    async def _watched(self, running: Running, work: Awaitable[None]) -> None:
        """Record what an operation comes to; only a server that could not be started again is passed on."""
        outcome = running.outcome
        try:
            await work
            outcome.succeed()
        except Refusal as failure:
            running.failure = failure
        except OSError as error:
            running.failure = Failed(f"the agent cannot store this: {error.strerror or error}")
        finally:
            failure = running.failure
            if failure:
                log.warning("%s failed: %s", outcome.type, failure.message)
                outcome.fail(failure.code, failure.message)
            elif outcome.state == "running":
                outcome.fail("interrupted", "the agent ended it; nothing was changed")

    def _retire(self, kind: BackupKind, *, keep: int, spare: set[str]) -> None:
        for backup_id in self._shelf.retire(kind, keep=keep, spare=frozenset(spare)):
            log.info("backup %s was deleted: the newest %s are kept", backup_id, keep)

    def _remember(self) -> None:
        if self._last:
            with contextlib.suppress(OSError):  # a full disk must not turn a result into another one
                write_json(self._last_file, asdict(self._last))
