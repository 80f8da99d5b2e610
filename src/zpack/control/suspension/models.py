"""What one server needs done, decided from what is known of it: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import StringConstraints

from zpack.control.accounts.models import Body

RETRY = timedelta(seconds=30)
"""After a host operation of ours failed, the next one waits for this; each failure in a row doubles it."""
RETRY_CAP = timedelta(hours=1)
Move = Literal["stop", "start", "forget"]


class SuspendBody(Body):
    """``{reason}``."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


@dataclass(frozen=True, slots=True)
class Concerned:
    """A server whose owner is suspended, or was and whose recovery is not finished.

    ``kept`` says that it is remembered as ours to bring back; the operation is the last one we began for it.
    """

    vmid: int
    owner: str | None
    hostname: str
    suspended: bool
    on_edge: bool
    off_edge: bool
    kept: bool
    was_running: bool
    busy: bool
    """Whether a host operation, whoever's, is unfinished."""
    operation: str | None
    operation_status: str | None
    operation_ended: datetime | None
    failures: int = 0
    """How many of our operations failed in a row before the last one."""


def next_move(server: Concerned, *, running: bool, now: datetime) -> Move | None:
    """Return what is to be done about a server's power now, or None to leave it alone for the moment."""
    if server.suspended:
        return "stop" if running and not _must_wait(server, now) else None
    started = server.operation == "host-start" and server.operation_status == "succeeded"
    if started or not server.was_running:
        return "forget"
    return None if _must_wait(server, now) else "start"


def _must_wait(server: Concerned, now: datetime) -> bool:
    if server.busy:
        return True
    failed = server.operation_status in {"failed", "cancelled"}
    return (
        failed
        and server.operation_ended is not None
        and now - server.operation_ended < pause_after(server.failures)
    )


def pause_after(failures: int) -> timedelta:
    """Return how long to wait after one more failure than these: twice as long each time, up to an hour."""
    return min(RETRY_CAP, RETRY * 2 ** min(failures, 16))
