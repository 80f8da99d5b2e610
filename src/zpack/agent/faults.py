"""A death on purpose: how our tests, and a rehearsal, kill the agent at a chosen step.

``ZPACK_KILL_AT=<point>`` with ``ZPACK_KILL_MARKER=<file>``: the agent gets SIGKILL there, once; the marker
file, written first, keeps the next agent alive. A child that works for the agent takes the agent with it.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

AT, MARKER = "ZPACK_KILL_AT", "ZPACK_KILL_MARKER"


@dataclass(frozen=True)
class FaultPoint:
    """Where to die. The empty default never matches."""

    at: str = ""
    marker: Path = Path("/nonexistent")
    agent: int = 0
    """The agent's pid, when this process is its child."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str], *, agent: int = 0) -> FaultPoint:
        """Read the two variables; an absent one means that no fault is planted."""
        at, marker = env.get(AT, ""), env.get(MARKER, "")
        return cls(at, Path(marker), agent) if at and marker else cls()

    def environment(self) -> dict[str, str]:
        """Return what a child needs to die at the same place."""
        return {AT: self.at, MARKER: str(self.marker)} if self.at else {}

    def reached(self, point: str) -> None:
        """Die here when this is the place and the marker does not exist yet."""
        if self.at != point:
            return
        try:
            descriptor = os.open(self.marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return
        os.fsync(descriptor)
        for pid in (self.agent, os.getpid()):
            if pid:
                os.kill(pid, signal.SIGKILL)
