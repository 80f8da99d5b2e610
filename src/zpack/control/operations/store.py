"""SQL of ``operations`` and ``idempotency_keys``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, case, cast, delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from zpack.control.db.tables import IdempotencyKey, Operation, User
from zpack.control.operations.models import status_url

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, SQLColumnExpression
    from sqlalchemy.ext.asyncio import AsyncSession

    from zpack.control.engine.steps import Finished
    from zpack.control.operations.models import OwnOperationsQuery

ACTIVE = ("queued", "running")
KEY_LIFE = timedelta(hours=24)
KINDS = text(
    """
    with recursive known as (
      (select kind from operations order by kind limit 1)
      union all
      select (select o.kind from operations o where o.kind > k.kind order by o.kind limit 1)
        from known k where k.kind is not null
    )
    select kind from known where kind is not null
    """
)
"""From kind to kind through the index: a distinct would read every operation there ever was."""


async def find(session: AsyncSession, operation_id: str, *, lock: bool = False) -> Operation | None:
    """Return one operation, locked against others when asked."""
    return await session.get(Operation, operation_id, with_for_update=lock, populate_existing=lock)


async def find_many(session: AsyncSession, operation_ids: Collection[str]) -> Sequence[Operation]:
    """Return these operations, oldest first."""
    query = select(Operation).where(Operation.id.in_(operation_ids)).order_by(Operation.started_at)
    return (await session.scalars(query)).all()


async def page(
    session: AsyncSession,
    query: OwnOperationsQuery,
    *,
    customer_id: str | None = None,
    status: str | None = None,
    kind: str | None = None,
) -> list[tuple[Operation, str | None]]:
    """Return the newest operations that fit, each with its owner's user name."""
    newest_first = (Operation.started_at.desc(), Operation.id.desc())
    wanted = select(Operation, User.username).outerjoin(User, User.id == Operation.customer_id)
    wanted = wanted.order_by(*newest_first).limit(query.limit)
    for column, value in (
        (Operation.customer_id, customer_id),
        (Operation.vmid, query.vmid),
        (Operation.status, status),
        (Operation.kind, kind),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    if query.active is not None:
        unfinished = Operation.status.in_(ACTIVE)
        wanted = wanted.where(unfinished if query.active else ~unfinished)
    if query.before is not None:
        at = select(Operation.started_at).where(Operation.id == query.before).scalar_subquery()
        wanted = wanted.where(tuple_(Operation.started_at, Operation.id) < tuple_(at, query.before))
    return [(row[0], row[1]) for row in await session.execute(wanted)]


async def list_kinds(session: AsyncSession) -> list[str]:
    """Return every kind of operation there is one of."""
    return list(await session.scalars(KINDS))


async def find_active(session: AsyncSession, *, kind: str, vmid: int) -> Operation | None:
    """Return the unfinished operation of a kind on a VMID."""
    return await session.scalar(
        select(Operation).where(Operation.kind == kind, Operation.vmid == vmid, Operation.status.in_(ACTIVE))
    )


async def list_queued(session: AsyncSession, limit: int) -> Sequence[Operation]:
    """Return operations that no worker has begun, oldest first."""
    found = await session.scalars(
        select(Operation).where(Operation.status == "queued").order_by(Operation.started_at).limit(limit)
    )
    return found.all()


def add(session: AsyncSession, operation: Operation) -> None:
    """Insert an operation."""
    session.add(operation)


async def list_active(session: AsyncSession, kinds: Collection[str]) -> Sequence[Operation]:
    """Return every unfinished operation of these kinds."""
    query = select(Operation).where(Operation.kind.in_(kinds), Operation.status.in_(ACTIVE))
    return (await session.scalars(query)).all()


async def set_phase(
    session: AsyncSession, operation_id: str, phase: str, progress: float | None
) -> str | None:
    """Record that a step began; None leaves the progress as it is. Return the operation's owner."""
    values: dict[str, Any] = {"status": "running", "phase": phase, "updated_at": datetime.now(UTC)}
    if progress is not None:
        values["progress"] = progress
    return await session.scalar(
        update(Operation)
        .where(Operation.id == operation_id, Operation.status.in_(ACTIVE))
        .values(**values)
        .returning(Operation.customer_id)
    )


async def set_finished(
    session: AsyncSession,
    operation_id: str,
    *,
    status: Finished,
    result: dict[str, Any],
    error: dict[str, Any] | None,
) -> str | None:
    """Record the end, once. Return the operation's owner."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {"status": status, "result": result, "error": error, "updated_at": now}
    if status == "succeeded":
        values["progress"] = 1.0
    return await session.scalar(
        update(Operation)
        .where(Operation.id == operation_id, Operation.status.in_(ACTIVE))
        .values(**values, finished_at=now)
        .returning(Operation.customer_id)
    )


async def find_task(session: AsyncSession, operation_id: str, kind: str) -> str | None:
    """Return the running Proxmox task of an unfinished operation."""
    return await session.scalar(
        select(Operation.result["tasks"][kind].astext).where(
            Operation.id == operation_id, Operation.status.in_(ACTIVE)
        )
    )


async def note_task(session: AsyncSession, operation_id: str, kind: str, upid: str | None) -> None:
    """Keep or forget the running Proxmox task of an unfinished operation; its end overwrites them all."""
    result, tasks = _object(Operation.result), _object(Operation.result["tasks"])
    kept = tasks.op("||")(func.jsonb_build_object(kind, upid)) if upid else tasks.op("-")(cast(kind, Text))
    await session.execute(
        update(Operation)
        .where(Operation.id == operation_id, Operation.status.in_(ACTIVE))
        .values(result=result.op("||")(func.jsonb_build_object("tasks", kept)))
    )


def _object(found: SQLColumnExpression[Any]) -> ColumnElement[Any]:
    """Return the object, or an empty one where there is none: no row yet, or JSON's own null."""
    return case((func.jsonb_typeof(found) == "object", found), else_=cast({}, JSONB))


async def find_key(session: AsyncSession, *, customer_id: str, key: str) -> IdempotencyKey | None:
    """Return the claim of an ``Idempotency-Key`` when there is one younger than a day."""
    query = select(IdempotencyKey).where(
        IdempotencyKey.customer_id == customer_id,
        IdempotencyKey.key == key,
        IdempotencyKey.created_at >= datetime.now(UTC) - KEY_LIFE,
    )
    return await session.scalar(query)


async def claim_key(
    session: AsyncSession, *, customer_id: str, key: str, fingerprint: str, operation_id: str
) -> IdempotencyKey | None:
    """Take an ``Idempotency-Key``; return the earlier claim when there is one younger than a day.

    A concurrent claim of the same key waits here for the first one's transaction to end.
    """
    await session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.customer_id == customer_id,
            IdempotencyKey.key == key,
            IdempotencyKey.created_at < datetime.now(UTC) - KEY_LIFE,
        )
    )
    values = {
        "customer_id": customer_id,
        "key": key,
        "fingerprint": fingerprint,
        "operation_id": operation_id,
    }
    taken = await session.execute(
        insert(IdempotencyKey).values(**values).on_conflict_do_nothing().returning(IdempotencyKey.key)
    )
    if taken.scalar() is not None:
        return None
    return await session.get(IdempotencyKey, (customer_id, key))


async def purge_keys(session: AsyncSession) -> None:
    """Forget keys older than a day."""
    await session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.created_at < datetime.now(UTC) - KEY_LIFE)
    )


def operation_view(operation: Operation) -> dict[str, Any]:
    """Return the public fields of an operation."""
    view: dict[str, Any] = {
        "id": operation.id,
        "kind": operation.kind,
        "status": operation.status,
        "phase": operation.phase,
        "progress": round(operation.progress, 3),
        "vmid": operation.vmid,
        "hostname": operation.hostname,
        "displayName": operation.display_name,
        "requestId": operation.request_id,
        "startedAt": operation.started_at.isoformat(),
        "updatedAt": operation.updated_at.isoformat(),
        "statusUrl": status_url(operation.id),
    }
    if operation.finished_at is not None:
        view["finishedAt"] = operation.finished_at.isoformat()
    if operation.error is not None:
        view["error"] = operation.error
    if operation.result and operation.result.get("warnings"):
        view["warnings"] = operation.result["warnings"]
    return view
