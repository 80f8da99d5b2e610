"""What the API and the agent say to each other of backups (contract §4.8, §9.1)."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

BackupKind = Literal["manual", "checkpoint"]
OperationState = Literal["running", "succeeded", "failed"]


class Backup(TypedDict):
    """One backup."""

    id: str
    createdAt: str
    sizeBytes: int
    type: BackupKind
    label: NotRequired[str]
    version: str
    """The game's version that it was made of."""
    files: int
    contentBytes: int
    skipped: NotRequired[int]
    """Entries that no backup holds: sockets, pipes, devices, links that lead out, unusable names."""
    changed: NotRequired[int]
    """Files that were written to while they were read."""


class BackupOperation(TypedDict):
    """One backup or restore in progress, or what the last one came to."""

    id: str
    type: Literal["backup", "restore"]
    backup: str
    state: OperationState
    startedAt: str
    finishedAt: str | None
    checkpoint: str | None
    error: dict[str, str] | None
    """``{code, message}`` of one that failed."""


class BackupList(TypedDict):
    """``GET /game/backups``: newest first."""

    backups: list[Backup]
    operation: NotRequired[BackupOperation]


class BackupMade(TypedDict):
    """201 of ``POST /game/backups``, and ``GET /game/backups/{id}``."""

    backup: Backup


class BackupBegun(TypedDict):
    """202 of ``POST /game/backups`` and of a restore; ``/status`` and the list tell the rest."""

    operation: BackupOperation
    restored: NotRequired[Backup]
    checkpoint: NotRequired[Backup]


class BackupDeleted(TypedDict):
    """``DELETE /game/backups/{id}``."""

    deleted: Literal[True]
    id: str
