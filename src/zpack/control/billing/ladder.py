"""The ladder of non-payment (contract §10.5): pure. It climbs one rung at a time and falls at once.

A rung is due so many days after the payment was; but never sooner after the rung below than the days
between the two, counted from when that one was really reached. So nobody is suspended without the notice
they were promised, however long the worker was away and whatever the clock did.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from zpack.control.entitlements.models import BillingStatus, ServerState

Rung = Literal["warning", "final_warning", "backup_blocked", "suspended", "retained", "pending_deletion"]
RUNGS: tuple[Rung, ...] = get_args(Rung)
Action = Literal[
    "warning", "final_warning", "backup_blocked", "suspended", "retained", "pending_deletion", "recovered"
]
STANDINGS: dict[Rung | None, tuple[BillingStatus, ServerState]] = {
    None: ("past_due", "allowed"),
    "warning": ("overdue_warning", "allowed"),
    "final_warning": ("overdue_warning", "allowed"),
    "backup_blocked": ("overdue_warning", "backup_blocked"),
    "suspended": ("suspended", "suspended_shutdown"),
    "retained": ("retained", "retained"),
    "pending_deletion": ("pending_deletion", "retained"),
}
MAILS: dict[Action, str] = {
    "warning": "billing_warning",
    "final_warning": "billing_final_warning",
    "backup_blocked": "billing_backup_blocked",
    "suspended": "billing_suspended",
    "recovered": "billing_recovered",
}


@dataclass(frozen=True)
class Days:
    """When each rung is due, in days since the payment was; retention lasts as long again as its own."""

    warning: float = 0
    final_warning: float = 3
    backup_blocked: float = 5
    suspended: float = 7
    retained: float = 30

    def of(self, rung: Rung) -> timedelta:
        """Return when a rung is due after the payment was."""
        if rung == "pending_deletion":
            return timedelta(days=2 * self.retained)
        return timedelta(days=getattr(self, rung))

    @property
    def in_order(self) -> bool:
        """Whether no rung is due before the one below it."""
        days = [self.of(rung) for rung in RUNGS]
        return days[0] >= timedelta() and days == sorted(days)


@dataclass(frozen=True)
class Ladder:
    """How far one account has climbed, and when it reached each rung."""

    past_due_since: datetime | None = None
    reached: tuple[datetime, ...] = ()
    """The moments of the rungs, from the lowest."""

    @property
    def rung(self) -> Rung | None:
        """Return the highest rung that was reached."""
        return RUNGS[len(self.reached) - 1] if self.reached else None

    def at(self, rung: Rung) -> datetime | None:
        """Return when a rung was reached."""
        place = RUNGS.index(rung)
        return self.reached[place] if place < len(self.reached) else None

    def due(self, rung: Rung, days: Days) -> datetime | None:
        """Return when a rung is due, as far as can be said now; None while nothing is owed."""
        if self.past_due_since is None:
            return None
        present, moment = len(self.reached), self.past_due_since + days.of(rung)
        if not present:
            return moment
        below = RUNGS[present - 1]
        return max(moment, self.reached[-1] + days.of(rung) - days.of(below))

    def next_due(self, days: Days) -> datetime | None:
        """Return when the next rung is due; None at the top and while nothing is owed."""
        return self.due(RUNGS[len(self.reached)], days) if len(self.reached) < len(RUNGS) else None

    @property
    def standing(self) -> tuple[BillingStatus, ServerState]:
        """Return what an account on this rung still may."""
        return STANDINGS[self.rung]


def step(
    ladder: Ladder, *, owed_since: datetime | None, now: datetime, days: Days
) -> tuple[Ladder, Action | None]:
    """Climb at most one rung, or come down at once when nothing is owed any more."""
    if owed_since is None:
        return Ladder(), "recovered" if ladder.past_due_since is not None else None
    present = replace(ladder, past_due_since=owed_since)
    due = present.next_due(days)
    if due is None or due > now:
        return present, None
    rung = RUNGS[len(present.reached)]
    return replace(present, reached=(*present.reached, now)), rung
