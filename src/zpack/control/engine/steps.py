"""The words in which a room declares a workflow; the kernel that runs them is ``workflow.py``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from datetime import timedelta

State = dict[str, Any]
"""JSON. Every step receives the facts of all steps before it, plus ``operation_id``."""

Do = Callable[[State], Awaitable[State | None]]
Undo = Callable[[State], Awaitable[None]]
Finished = Literal["succeeded", "failed", "cancelled"]


@dataclass(frozen=True)
class Step:
    """One thing to do and how to undo it. Both may run twice after a crash, so both are idempotent.

    ``do`` returns the facts it adds to the state. A transient ``ForeignError`` is retried until the
    operation's deadline; any other exception ends the operation.
    """

    name: str
    do: Do
    undo: Undo | None = None


@dataclass(frozen=True)
class Workflow:
    """A declared list of steps.

    ``forward_only`` workflows (a delete) are never unwound: a failure is final, visible, and may be retried.
    """

    kind: str
    steps: tuple[Step, ...]
    budget: timedelta
    forward_only: bool = False


class Journal(Protocol):
    """Where the kernel writes what people see of a running operation."""

    async def begin_step(self, operation_id: str, phase: str, progress: float | None) -> None:
        """Record the phase; ``progress`` is 0…1, or None to leave it."""
        ...

    async def cancel_requested(self, operation_id: str) -> bool:
        """Say whether someone asked to cancel."""
        ...

    async def finish(
        self, operation_id: str, *, status: Finished, result: State, error: dict[str, Any] | None
    ) -> None:
        """Record the end; a second call changes nothing."""
        ...
