"""What administrators see of the drift and do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal
from zpack.control.instances.store import list_display_names
from zpack.control.repair import store
from zpack.control.repair.models import TRAITS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from zpack.control.accounts.models import User
    from zpack.control.db.session import Database
    from zpack.control.db.tables import RepairEvent, RepairFinding
    from zpack.control.repair.adoption import Adoption
    from zpack.control.repair.models import AdoptBody, RepairsQuery
    from zpack.control.repair.plans import Plan, RepairPlans

SHOWN = 1000


class DriftMissing(Refusal):
    """There is no such finding, or it is healed."""

    kind = "not_found"
    code = "drift_not_found"


class Repair:
    """The drift report, and its three answers."""

    def __init__(self, *, database: Database, plans: RepairPlans, adoption: Adoption) -> None:
        self._database = database
        self._plans = plans
        self._adoption = adoption

    async def drift(self) -> dict[str, Any]:
        """Return what is wrong now, the longest first."""
        async with self._database.reading() as session:
            rows = await store.list_open(session, SHOWN + 1)
            called = await list_display_names(session, {row.vmid for row in rows if row.vmid is not None})
        return {"drift": [_view(row, called) for row in rows[:SHOWN]], "more": len(rows) > SHOWN}

    async def events(self, query: RepairsQuery) -> dict[str, Any]:
        """Return a page of what happened, the newest first."""
        async with self._database.reading() as session:
            rows = await store.page_events(session, before=query.before, limit=query.limit)
            called = await list_display_names(session, {row.vmid for row in rows if row.vmid is not None})
        more = rows[-1].id if len(rows) == query.limit else None
        return {"events": [_event(row, called) for row in rows], "next": more}

    async def repair(self, admin: User, finding_id: str, *, dry_run: bool) -> dict[str, Any]:
        """Mend one finding. Raises DriftMissing and what planning raises."""
        row = await self._open(finding_id)
        return await self._carried_out(
            admin, row, await self._plans.plan(row, "repair"), "repair", dry_run=dry_run
        )

    async def delete(self, admin: User, finding_id: str, *, dry_run: bool) -> dict[str, Any]:
        """Remove what is left over. Raises DriftMissing and what planning raises."""
        row = await self._open(finding_id)
        return await self._carried_out(
            admin, row, await self._plans.plan(row, "delete"), "delete", dry_run=dry_run
        )

    async def adopt(self, admin: User, finding_id: str, body: AdoptBody, *, dry_run: bool) -> dict[str, Any]:
        """Give a container without a row to somebody. Raises DriftMissing and what planning raises."""
        row = await self._open(finding_id)
        return await self._carried_out(
            admin, row, await self._adoption.plan(row, body), "adopt", dry_run=dry_run
        )

    async def _open(self, finding_id: str) -> RepairFinding:
        async with self._database.reading() as session:
            row = await store.find_one(session, finding_id)
        if row is None or row.state == "healed":
            raise DriftMissing("There is no such drift.")
        return row

    async def _carried_out(
        self, admin: User, row: RepairFinding, plan: Plan, action: str, *, dry_run: bool
    ) -> dict[str, Any]:
        calls = [call.wire() for call in plan.calls]
        shown: dict[str, Any] = {"id": row.id, "action": action, "dryRun": dry_run, "calls": calls}
        if dry_run:
            return shown
        async with self._database.transaction() as session:
            store.add_event(session, row, f"{action}_began", actor=admin.id, details={"calls": calls})
            record(session, f"drift.{action}", actor=admin.id, finding=row.id, vmid=row.vmid)
        result = await plan.run(admin.id)
        async with self._database.transaction() as session:
            store.add_event(session, row, f"{action}_done", actor=admin.id, details=result)
        return {**shown, "result": result}


def _view(row: RepairFinding, called: Mapping[int, tuple[str, datetime]]) -> dict[str, Any]:
    trait = TRAITS[row.kind]  # type: ignore[index]
    return {
        "id": row.id,
        "kind": row.kind,
        "vmid": row.vmid,
        "displayName": _called(row.vmid, called, row.last_seen),
        "state": row.state,
        "level": trait.level,
        "by": trait.by,
        "evidence": row.evidence,
        "looks": row.looks,
        "attempts": row.attempts,
        "nextTry": row.next_try.isoformat() if row.next_try else None,
        "firstSeen": row.first_seen.isoformat(),
        "lastSeen": row.last_seen.isoformat(),
    }


def _event(row: RepairEvent, called: Mapping[int, tuple[str, datetime]]) -> dict[str, Any]:
    return {
        "id": row.id,
        "finding": row.finding_id,
        "kind": row.kind,
        "vmid": row.vmid,
        "displayName": _called(row.vmid, called, row.created_at),
        "event": row.event,
        "actor": row.actor,
        "details": row.details,
        "at": row.created_at.isoformat(),
    }


def _called(vmid: int | None, called: Mapping[int, tuple[str, datetime]], at: datetime) -> str | None:
    """Return what the server is called, unless its number was another's then: a VMID is used again."""
    name, since = called.get(vmid, (None, at)) if vmid is not None else (None, at)
    return name if since <= at else None
