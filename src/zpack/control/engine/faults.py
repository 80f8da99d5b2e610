"""A crash on purpose: how a rehearsal, and our own tests, kill a worker in a chosen step.

``ZPACK_KILL_AT=<workflow>:<step>:before|after`` with ``ZPACK_KILL_MARKER=<file>``: the process sends itself
SIGKILL there, once; the marker file, written first, keeps the next process alive.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FaultPoint:
    """Where to die. The empty default never matches."""

    at: str = ""
    marker: Path = Path("/nonexistent")

    @classmethod
    def from_environment(cls) -> FaultPoint:
        """Read the two variables; an absent marker means that no fault is planted."""
        at, marker = os.environ.get("ZPACK_KILL_AT", ""), os.environ.get("ZPACK_KILL_MARKER", "")
        return cls(at, Path(marker)) if at and marker else cls()

    def reached(self, workflow: str, step: str, moment: str) -> None:
        """Die here when this is the place and the marker does not exist yet."""
        if self.at != f"{workflow}:{step}:{moment}":
            return
        try:
            descriptor = os.open(self.marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return
        os.fsync(descriptor)
        os.kill(os.getpid(), signal.SIGKILL)
