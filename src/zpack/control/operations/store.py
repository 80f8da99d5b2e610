"""SQL of ``operations`` and ``idempotency_keys``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import IdempotencyKey, Operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from zpack.control.engine.steps import Finished

ACTIVE = ("queued", "running")
KEY_LIFE = timedelta(hours=24)


async def find(session: AsyncSession, operation_id: str, *, lock: bool = False) -> Operation | None:
    """Return one operation, locked against others when asked."""
    return await session.get(Operation, operation_id, with_for_update=lock, populate_existing=lock)


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


async def set_phase(session: AsyncSession, operation_id: str, phase: str, progress: float | None) -> None:
    """Record that a step began; None leaves the progress as it is."""
    values: dict[str, Any] = {"status": "running", "phase": phase, "updated_at": datetime.now(UTC)}
    if progress is not None:
        values["progress"] = progress
    await session.execute(
        update(Operation).where(Operation.id == operation_id, Operation.status.in_(ACTIVE)).values(**values)
    )


async def set_finished(
    session: AsyncSession,
    operation_id: str,
    *,
    status: Finished,
    result: dict[str, Any],
    error: dict[str, Any] | None,
) -> None:
    """Record the end, once."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {"status": status, "result": result, "error": error, "updated_at": now}
    if status == "succeeded":
        values["progress"] = 1.0
    await session.execute(
        update(Operation)
        .where(Operation.id == operation_id, Operation.status.in_(ACTIVE))
        .values(**values, finished_at=now)
    )


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
