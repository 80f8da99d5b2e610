"""One operation at a time. A stop may take over from a start that only waits for readiness."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from zpack.agent.problems import Conflict

STOPS = frozenset({"stop", "codeserver-stop"})


def now() -> str:
    """Return the time as RFC 3339 with a Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(eq=False)
class Operation:
    """Something that changes the workload."""

    kind: str
    started_at: str = field(default_factory=now)
    message: str | None = None
    waiting: bool = False
    """It only waits for the server to become ready; a stop need not wait with it."""


class OperationLock:
    """Holds the operation in progress."""

    def __init__(self) -> None:
        self.current: Operation | None = None

    def begin(self, kind: str) -> Operation:
        """Begin an operation. Raises :class:`Conflict` when another is in progress."""
        if self.current and not (kind in STOPS and self.current.waiting):
            msg = f"{self.current.kind} is in progress since {self.current.started_at}"
            raise Conflict(msg)
        self.current = Operation(kind)
        return self.current

    def end(self, operation: Operation) -> None:
        """End an operation; nothing when a stop took its place."""
        if self.current is operation:
            self.current = None
