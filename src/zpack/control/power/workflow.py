"""The three host operations as workflows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from zpack.control.engine.steps import Step, Workflow

if TYPE_CHECKING:
    from zpack.control.power.steps import PowerSteps

BUDGET = timedelta(minutes=5)


def host_workflows(steps: PowerSteps) -> tuple[Workflow, ...]:
    """Return host-start, host-stop and host-restart."""
    start = Step("start-host", steps.start, steps.undo)
    stop = Step("stop-host", steps.stop, steps.undo)
    address = Step("note-address", steps.note_address, steps.undo)
    release = Step("release-host", steps.release)
    return (
        Workflow("host-start", (start, address, release), BUDGET),
        Workflow("host-stop", (stop, release), BUDGET),
        Workflow("host-restart", (stop, start, address, release), BUDGET),
    )
