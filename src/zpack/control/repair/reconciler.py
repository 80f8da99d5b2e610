"""Looks for drift, and mends what it may: never on one look alone, never much at once."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.repair import store
from zpack.control.repair.findings import find, judges
from zpack.control.repair.models import ACTOR, TRAITS, Kind, pause_after
from zpack.control.repair.plans import DriftChanged

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.db.session import Database
    from zpack.control.db.tables import RepairFinding
    from zpack.control.repair.calls import Call
    from zpack.control.repair.look import Look
    from zpack.control.repair.plans import Action, RepairPlans

LAST = frozenset({"registration_missing", "record_missing"})
"""Kinds that others mend first, and that may be many: they take what the rest of the minute leaves."""
log = logging.getLogger("zpack.repair")
KEEP = timedelta(days=90)
BY_ITSELF: dict[str, Action] = {"container_without_row": "delete"}
"""What is done about a kind when nobody asks, where that is not its repair."""


class RepairReconciler:
    """Writes down every look; only the worker that is ``alone`` does it."""

    def __init__(
        self,
        *,
        database: Database,
        look: Look,
        plans: RepairPlans,
        level: int,
        dry_run: bool,
        per_minute: int,
        alone: Callable[[], bool],
    ) -> None:
        self._database = database
        self._look = look
        self._plans = plans
        self._dry_run = dry_run
        self._per_minute = per_minute
        self._alone = alone
        self._kinds: set[Kind] = {
            kind
            for kind, trait in TRAITS.items()
            if (trait.by == "repair" or kind in LAST) and trait.level is not None and trait.level <= level
        }

    async def tick(self) -> None:
        """Look once, and mend what has been wrong for long enough."""
        if not self._alone():
            return
        snapshot = await self._look.take()
        found = find(snapshot)
        async with self._database.transaction() as session:
            await store.observe(session, found, partial(judges, snapshot), snapshot.at)
            await store.purge(session, snapshot.at - KEEP)
        if any(finding.kind == "mass_event" for finding in found):
            log.error("too much is missing at once: not touching anything")
            return
        for kinds in (self._kinds - LAST, self._kinds & LAST):
            for row in await self._due(kinds, snapshot.at):
                await self._mend(row, snapshot.at)

    async def _due(self, kinds: set[Kind], now: datetime) -> list[RepairFinding]:
        async with self._database.reading() as session:
            spent = await store.count_attempts(session, now - timedelta(minutes=1))
            left = max(0, self._per_minute - spent)
            return list(await store.list_due(session, kinds, now, left)) if left else []

    async def _mend(self, row: RepairFinding, now: datetime) -> None:
        """Repair one finding. What goes wrong is written down, and waits longer each time."""
        began = False
        try:
            plan = await self._plans.plan(row, BY_ITSELF.get(row.kind, "repair"))
            if self._dry_run:
                await self._note(row, "would_repair", now, calls=_wire(plan.calls))
                return
            await self._note(row, "repair_began", now, calls=_wire(plan.calls))
            began = True
            result = await plan.run(ACTOR)
        except DriftChanged as healed:
            log.info("%s: %s", row.id, healed.message)
        except (Refusal, ForeignError) as failure:
            await self._failed(row, failure.message, now, began=began)
        except Exception as failure:
            log.exception("repair of %s", row.id)
            await self._failed(row, type(failure).__name__, now, began=began)
        else:
            await self._say(row, "repaired", result)

    async def _note(self, row: RepairFinding, event: str, now: datetime, **details: Any) -> None:
        """Write down the attempt before it is made: after a crash in the middle the next one waits."""
        async with self._database.transaction() as session:
            found = await store.find_one(session, row.id, lock=True)
            if found is None:
                return
            found.state, found.attempts = "repairing", found.attempts + 1
            found.next_try = now + pause_after(found.attempts)
            store.add_event(session, found, event, actor=ACTOR, details=details)
            record(session, f"repair.{event}", actor=ACTOR, finding=row.id, vmid=row.vmid)

    async def _failed(self, row: RepairFinding, why: str, now: datetime, *, began: bool) -> None:
        """Write down a failure; the operator is told of the first only."""
        async with self._database.transaction() as session:
            found = await store.find_one(session, row.id, lock=True)
            if found is None:
                return
            if not began:
                found.attempts += 1
                found.next_try = now + pause_after(found.attempts)
            alarming = found.attempts == 1 and row.kind not in LAST
            notice = f"{row.kind} of {row.vmid}: the repair failed" if alarming else None
            details = {"error": why[:300], "attempt": found.attempts}
            store.add_event(session, found, "repair_failed", actor=ACTOR, details=details, notice=notice)
            record(session, "repair.failed", actor=ACTOR, finding=row.id, vmid=row.vmid)
        log.warning("repair of %s failed: %s", row.id, why)

    async def _say(self, row: RepairFinding, event: str, result: dict[str, Any]) -> None:
        async with self._database.transaction() as session:
            store.add_event(session, row, event, actor=ACTOR, details=result)
            record(session, f"repair.{event}", actor=ACTOR, finding=row.id, vmid=row.vmid)


def _wire(calls: tuple[Call, ...]) -> list[dict[str, Any]]:
    return [call.wire() for call in calls]
