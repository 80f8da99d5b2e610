"""SQL of ``repair_findings`` and ``repair_events``, and what one look reads of the other tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, text, update

from zpack.control.db.tables import Operation as OperationRow
from zpack.control.db.tables import RepairEvent, RepairFinding, VmidReservation
from zpack.control.operations.store import ACTIVE
from zpack.control.repair.models import TRAITS, Running, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from zpack.control.repair.models import Finding, Kind

FLAP = timedelta(minutes=10)
"""What comes back so soon is the same event."""
LOOKS = 2
OPEN = ("open", "repairing")
SERVERS = text(
    """
    select i.vmid, i.hostname, i.customer_id, i.ip,
           coalesce(u.role is distinct from 'admin'
             and (s.held_at is not null
                  or s.server_billing_state in ('suspended_shutdown', 'retained')), false)
      from instances i
      left join standings s on s.user_id = i.customer_id
      left join users u on u.id = i.customer_id
    """
)


async def list_servers(session: AsyncSession) -> tuple[Server, ...]:
    """Return every row, as far as repair cares."""
    return tuple(Server(*row) for row in await session.execute(SERVERS))


async def list_running(session: AsyncSession) -> tuple[Running, ...]:
    """Return every unfinished operation."""
    columns = (
        OperationRow.id,
        OperationRow.kind,
        OperationRow.vmid,
        OperationRow.phase,
        OperationRow.deadline,
        OperationRow.updated_at,
    )
    rows = await session.execute(select(*columns).where(OperationRow.status.in_(ACTIVE)))
    return tuple(Running(*row) for row in rows)


async def list_reserved(session: AsyncSession) -> frozenset[int]:
    """Return the VMIDs that unfinished creates have taken."""
    return frozenset(await session.scalars(select(VmidReservation.vmid)))


async def observe(
    session: AsyncSession, found: Sequence[Finding], judges: Callable[[str], bool], now: datetime
) -> None:
    """Write down one look: what is new, what is still there, what is no more as far as it ``judges``."""
    by_id = {finding.id: finding for finding in found}
    query = select(RepairFinding).where(
        (RepairFinding.state != "healed") | RepairFinding.id.in_(by_id.keys())
    )
    rows = {row.id: row for row in await session.scalars(query.with_for_update())}
    for finding in found:
        row = rows.get(finding.id)
        if row is None:
            row = _new(finding, now)
            session.add(row)
        else:
            _seen(row, finding, now)
        if row.state == "open" and row.looks == looks_for(finding.kind):
            _say(session, row, "found", notice=TRAITS[finding.kind].alarm)
    for row in rows.values():
        if row.id not in by_id and judges(row.id) and row.state != "healed":
            await _heal(session, row, now)


def looks_for(kind: Kind) -> int:
    """Return how many looks in a row must agree before anything is made of it."""
    return LOOKS if TRAITS[kind].by == "repair" else 1


def _new(finding: Finding, now: datetime) -> RepairFinding:
    return RepairFinding(
        id=finding.id,
        kind=finding.kind,
        vmid=finding.vmid,
        state="open",
        evidence=finding.evidence,
        looks=1,
        attempts=0,
        first_seen=now,
        last_seen=now,
    )


def _seen(row: RepairFinding, finding: Finding, now: datetime) -> None:
    if row.state == "healed":
        again = row.healed_at is not None and now - row.healed_at < FLAP
        row.state, row.looks = "open", LOOKS + 1 if again else 1
        if not again:
            row.first_seen, row.attempts, row.next_try, row.healed_at = now, 0, None, None
    else:
        row.looks += 1
    row.last_seen, row.evidence = now, finding.evidence


async def _heal(session: AsyncSession, row: RepairFinding, now: datetime) -> None:
    if row.looks < looks_for(row.kind):  # type: ignore[arg-type]
        await session.delete(row)
        return
    flapped = row.healed_at is not None
    row.state, row.healed_at = "healed", now
    if not flapped:
        _say(session, row, "healed", by="repair" if row.attempts else TRAITS[row.kind].by)  # type: ignore[index]


def _say(
    session: AsyncSession, row: RepairFinding, event: str, *, notice: bool = False, **details: Any
) -> None:
    vmid = f" of {row.vmid}" if row.vmid is not None else ""
    add_event(
        session,
        row,
        event,
        actor="system:repair",
        details={"evidence": row.evidence, **details},
        notice=f"{row.kind}{vmid}: {event}" if notice else None,
    )


def add_event(
    session: AsyncSession,
    row: RepairFinding | Finding,
    event: str,
    *,
    actor: str,
    details: dict[str, Any],
    notice: str | None = None,
) -> None:
    """Write down one thing that happened; a notice is delivered later."""
    session.add(
        RepairEvent(
            finding_id=row.id,
            kind=row.kind,
            vmid=row.vmid,
            event=event,
            actor=actor,
            details=details,
            notice=notice,
            notice_due=datetime.now(UTC) if notice else None,
        )
    )


async def find_one(session: AsyncSession, finding_id: str, *, lock: bool = False) -> RepairFinding | None:
    """Return one finding."""
    return await session.get(RepairFinding, finding_id, with_for_update=lock, populate_existing=lock)


async def list_open(session: AsyncSession, limit: int) -> Sequence[RepairFinding]:
    """Return what is wrong now, the longest first."""
    query = select(RepairFinding).where(RepairFinding.state != "healed")
    return (
        await session.scalars(query.order_by(RepairFinding.first_seen, RepairFinding.id).limit(limit))
    ).all()


async def list_due(
    session: AsyncSession, kinds: Collection[Kind], now: datetime, limit: int
) -> Sequence[RepairFinding]:
    """Return what may be mended now: seen often enough, at this very look, and not waiting."""
    query = select(RepairFinding).where(
        RepairFinding.kind.in_(kinds),
        RepairFinding.state.in_(OPEN),
        RepairFinding.looks >= LOOKS,
        RepairFinding.last_seen == now,
        (RepairFinding.next_try.is_(None)) | (RepairFinding.next_try <= now),
    )
    return (
        await session.scalars(query.order_by(RepairFinding.first_seen, RepairFinding.id).limit(limit))
    ).all()


async def count_attempts(session: AsyncSession, since: datetime) -> int:
    """Return how many repairs were begun since then; what links take off has a rhythm of its own."""
    query = select(func.count()).select_from(RepairEvent).where(RepairEvent.kind != "name_without_server")
    return (
        await session.scalar(
            query.where(RepairEvent.event == "repair_began", RepairEvent.created_at >= since)
        )
        or 0
    )


async def purge(session: AsyncSession, before: datetime) -> None:
    """Forget findings that were healed, and events that happened, before then."""
    await session.execute(delete(RepairFinding).where(RepairFinding.healed_at < before))
    await session.execute(
        delete(RepairEvent).where(RepairEvent.created_at < before, RepairEvent.notice_due.is_(None))
    )


async def page_events(session: AsyncSession, *, before: int | None, limit: int) -> Sequence[RepairEvent]:
    """Return the newest events, all older than the event ``before``."""
    query = select(RepairEvent).order_by(RepairEvent.id.desc()).limit(limit)
    if before is not None:
        query = query.where(RepairEvent.id < before)
    return (await session.scalars(query)).all()


async def list_notices(session: AsyncSession, now: datetime, limit: int) -> Sequence[RepairEvent]:
    """Return notices that are due, oldest first."""
    query = select(RepairEvent).where(RepairEvent.notice_due <= now).order_by(RepairEvent.id).limit(limit)
    return (await session.scalars(query)).all()


async def settle_notices(session: AsyncSession, ids: Collection[int], due: datetime | None) -> None:
    """Note that notices were sent (None), or when they are tried next."""
    await session.execute(
        update(RepairEvent)
        .where(RepairEvent.id.in_(ids))
        .values(notice_due=due, notice_tries=RepairEvent.notice_tries + 1)
    )
