"""The folder of all backups: each a folder of its own, which appears and disappears by one rename."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from zpack.agent.backups.record import ID, NoBackup, Record
from zpack.agent.config.files import read_json, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from zpack.agent.faults import FaultPoint
    from zpack.wire.backups import BackupKind

ARCHIVE, MANIFEST, RECORD = "archive.tar.zst", "manifest.jsonl", "backup.json"
FRESH, GONE = ".new-", ".gone-"


def sync_folder(folder: Path) -> None:
    """Make renames in a folder outlive a loss of power. Raises ``OSError``."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Shelf:
    """``<home>/backups``, for the agent's own eyes only."""

    def __init__(self, *, folder: Path, fault: FaultPoint) -> None:
        self._folder = folder
        self._fault = fault

    def records(self) -> list[Record]:
        """Return what is known of every backup, newest first."""
        if not self._folder.is_dir():
            return []
        found = [self._read(path) for path in self._folder.iterdir() if ID.fullmatch(path.name)]
        return sorted((r for r in found if r), key=lambda r: (r.createdAt, r.id), reverse=True)

    def find(self, backup_id: str) -> Record:
        """Return one record. Raises :class:`NoBackup`."""
        record = self._read(self._folder / backup_id) if ID.fullmatch(backup_id) else None
        if record is None:
            raise NoBackup("there is no such backup")
        return record

    def folder_of(self, backup_id: str) -> Path:
        """Return where a backup's archive and manifest are."""
        return self._folder / backup_id

    def fresh(self, backup_id: str) -> Path:
        """Make the folder in which a backup is written. Raises ``OSError``."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        made = self._folder / f"{FRESH}{backup_id}"
        made.mkdir(mode=0o700)
        return made

    def put(self, fresh: Path, record: Record) -> None:
        """Let a finished folder be a backup. Raises ``OSError``."""
        write_json(fresh / RECORD, record.as_json())
        sync_folder(fresh)
        self._fault.reached("backup:recorded")
        fresh.rename(self._folder / record.id)
        sync_folder(self._folder)
        self._fault.reached("backup:shelved")

    def remove(self, backup_id: str) -> None:
        """Delete a backup, also a damaged one. Raises :class:`NoBackup`, ``OSError``."""
        gone = self._folder / f"{GONE}{backup_id}"
        if not ID.fullmatch(backup_id):
            raise NoBackup("there is no such backup")
        try:
            (self._folder / backup_id).rename(gone)
        except FileNotFoundError:
            raise NoBackup("there is no such backup") from None
        self._fault.reached("delete:renamed")
        shutil.rmtree(gone, ignore_errors=True)

    def retire(self, kind: BackupKind, *, keep: int, spare: frozenset[str]) -> list[str]:
        """Delete the oldest of a kind beyond ``keep``, never one in ``spare``; return their ids."""
        of_kind = [record.id for record in self.records() if record.type == kind]
        old = [backup_id for backup_id in of_kind[keep:] if backup_id not in spare]
        for backup_id in reversed(old):
            with contextlib.suppress(NoBackup, OSError):
                self.remove(backup_id)
        return old

    def clean(self) -> None:
        """Remove what a killed agent left half written or half deleted."""
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if path.name.startswith((FRESH, GONE)):
                    shutil.rmtree(path, ignore_errors=True)

    def _read(self, folder: Path) -> Record | None:
        record = Record.from_json(read_json(folder / RECORD))
        return record if record and record.id == folder.name else None
