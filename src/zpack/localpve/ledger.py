"""The node's memory: guests, their configuration, and whether they should run. Durable at every moment."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Record:
    """One guest. ``config`` holds Proxmox's keys as text; ``running`` is what the operator wants."""

    vmid: int
    template_of: int
    """The template it was cloned from."""
    config: dict[str, str] = field(default_factory=dict[str, str])
    running: bool = False
    made: bool = True
    """False from the moment a clone begins until its files are there."""

    @property
    def digest(self) -> str:
        """Return a fingerprint of the configuration, by which Proxmox's clients notice a change."""
        return hashlib.sha1(
            json.dumps(self.config, sort_keys=True).encode(), usedforsecurity=False
        ).hexdigest()

    def with_config(self, change: dict[str, str]) -> Record:
        """Return the record with changed configuration."""
        return replace(self, config=self.config | change)


class Ledger:
    """Records by VMID in one JSON file, replaced atomically and synced before it counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records: dict[int, Record] = {}
        if path.exists():
            rows: list[dict[str, Any]] = json.loads(path.read_text())
            self._records = {row["vmid"]: Record(**row) for row in rows}

    def get(self, vmid: int) -> Record | None:
        """Return one record."""
        return self._records.get(vmid)

    def all(self) -> list[Record]:
        """Return every record, by VMID."""
        return [self._records[vmid] for vmid in sorted(self._records)]

    def put(self, record: Record) -> None:
        """Write one record."""
        self._records[record.vmid] = record
        self._save()

    def remove(self, vmid: int) -> None:
        """Forget one record."""
        if self._records.pop(vmid, None) is not None:
            self._save()

    def _save(self) -> None:
        text = json.dumps([asdict(record) for record in self.all()], indent=1)
        beside = self._path.with_suffix(".new")
        with beside.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
