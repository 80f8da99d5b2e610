"""How far a long command is, said on stderr: a bar for a person at a terminal, plain lines for a log."""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

_STEP_PERCENT = 25


class Progress(Protocol):
    """Told by long work where it is."""

    def show(self, stage: str, done: int = 0, total: int | None = None) -> None:
        """Say that `done` of `total` is reached in a stage; a new name begins the next stage."""
        ...

    def close(self) -> None:
        """End the display."""
        ...


class SilentProgress:
    """For callers that show their own."""

    def show(self, stage: str, done: int = 0, total: int | None = None) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Nothing to end."""


class LineProgress:
    """One line when a stage begins, then one every quarter of it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._began = time.monotonic()
        self._stage = ""
        self._said = 0

    def show(self, stage: str, done: int = 0, total: int | None = None) -> None:
        """Write a line if there is something new to say."""
        percent = 100 * done // total if total else 0
        if stage != self._stage:
            self._stage, self._said = stage, 0
        elif percent < self._said + _STEP_PERCENT:
            return
        else:
            self._said = percent - percent % _STEP_PERCENT
        share = f" {percent} % ({done}/{total})" if total else ""
        self._out.write(f"artifacts [{time.monotonic() - self._began:5.1f} s] {stage}{share}\n")
        self._out.flush()

    def close(self) -> None:
        """Nothing to end."""


class BarProgress:
    """A bar for each stage."""

    def __init__(self, out: TextIO) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
        )
        self._bars = Bars(*columns, console=Console(file=out))
        self._bars.start()
        self._stage = ""
        self._task: TaskID | None = None

    def show(self, stage: str, done: int = 0, total: int | None = None) -> None:
        """Move the stage's bar; a new stage completes the one before."""
        if stage != self._stage or self._task is None:
            self._complete()
            self._stage, self._task = stage, self._bars.add_task(stage, total=total)
        self._bars.update(self._task, completed=done, total=total)

    def close(self) -> None:
        """Complete the last bar and give the terminal back."""
        self._complete()
        self._bars.stop()

    def _complete(self) -> None:
        if self._task is not None:
            total = self._bars.tasks[self._task].total or 1
            self._bars.update(self._task, total=total, completed=total)


def progress_for(out: TextIO = sys.stderr) -> Progress:
    """Choose by where the output goes."""
    return BarProgress(out) if out.isatty() else LineProgress(out)
