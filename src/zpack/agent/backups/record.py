"""What is known of one backup without opening its archive, and what an operation on backups came to."""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zpack.agent.power.lock import now
from zpack.agent.problems import Conflict, Invalid, Refusal

if TYPE_CHECKING:
    from zpack.agent.config.payload import Payload
    from zpack.wire.backups import Backup, BackupKind, BackupOperation, OperationState

FORMAT = 1
ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
LABEL = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,100}")


class NoBackup(Refusal):
    """No backup has this id."""

    kind = "not_found"
    code = "backup_not_found"


class DoesNotFit(Conflict):
    """The backup is of another kind of server."""

    code = "backup_of_another_server"


class Failed(Refusal):
    """The backup or the restore did not come about; the server's files are as they were."""

    kind = "unavailable"
    code = "backup_failed"


def new_id() -> str:
    """Return an id that sorts by time and is not guessed."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def parse_label(body: Any) -> str:
    """Return the label of a decoded body; empty when there is none. Raises :class:`Invalid`."""
    label = body.get("label", "") if isinstance(body, dict) else None
    if label is None and isinstance(body, dict):
        return ""
    if not isinstance(label, str) or not (label == "" or LABEL.fullmatch(label)):
        raise Invalid("label must be a line of at most 100 characters", code="invalid_label")
    try:
        label.encode()
    except UnicodeEncodeError:
        raise Invalid("label is not valid text", code="invalid_label") from None
    return label


@dataclass(frozen=True)
class Record:
    """One backup: when, why, of what, and how big. ``manifest`` is the manifest's SHA-256."""

    id: str
    createdAt: str  # noqa: N815 - as it is on the wire
    type: BackupKind
    label: str
    game: str
    variant: str
    version: str
    world: str
    sizeBytes: int  # noqa: N815
    contentBytes: int  # noqa: N815
    files: int
    skipped: int
    changed: int
    manifest: str
    format: int = FORMAT

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Record | None:
        """Read a saved record; a damaged one counts as none."""
        fields = cls.__dataclass_fields__
        if set(saved) != set(fields) or saved["format"] != FORMAT or saved["type"] not in KINDS:
            return None
        if not all(type(saved[n]) is (int if fields[n].type == "int" else str) for n in fields):
            return None
        return cls(**saved) if ID.fullmatch(saved["id"]) else None

    def as_json(self) -> dict[str, Any]:
        """For the file beside the archive."""
        return asdict(self)

    def shown(self) -> Backup:
        """The canonical body (contract §9.1), and what else is worth knowing."""
        body: Backup = {
            "id": self.id,
            "createdAt": self.createdAt,
            "sizeBytes": self.sizeBytes,
            "type": self.type,
            "version": self.version,
            "files": self.files,
            "contentBytes": self.contentBytes,
        }
        if self.label:
            body["label"] = self.label
        if self.skipped:
            body["skipped"] = self.skipped
        if self.changed:
            body["changed"] = self.changed
        return body

    def check_fits(self, payload: Payload) -> None:
        """Raise :class:`DoesNotFit` unless it was made of the same game, variant and world."""
        names = ("game", "variant", "world")
        if any(getattr(self, name) != getattr(payload, name) for name in names):
            what = "/".join(getattr(self, name) for name in names)
            raise DoesNotFit(f"the backup is one of {what}, which this server is not")


KINDS: tuple[BackupKind, ...] = ("manual", "checkpoint")


@dataclass
class Outcome:
    """One backup or restore, from its begin to what it came to; the last one outlives the agent."""

    type: str
    backup: str
    """The backup that is restored, or made."""
    id: str = field(default_factory=lambda: f"op-{secrets.token_hex(8)}")
    state: OperationState = "running"
    startedAt: str = field(default_factory=now)  # noqa: N815 - as it is on the wire
    finishedAt: str | None = None  # noqa: N815
    checkpoint: str | None = None
    error: dict[str, str] | None = None

    def succeed(self) -> None:
        """It came about."""
        self.state, self.finishedAt = "succeeded", now()

    def fail(self, code: str, message: str) -> None:
        """It did not."""
        self.state, self.finishedAt = "failed", now()
        self.error = {"code": code, "message": message}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Outcome | None:
        """Read a saved one; a damaged one counts as none."""
        return cls(**saved) if set(saved) == set(cls.__dataclass_fields__) else None

    def shown(self) -> BackupOperation:
        """The body of an operation."""
        return asdict(self)  # pyright: ignore[reportReturnType]
