"""Begins a delete, for whoever has decided that a server or a leftover must go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal
from zpack.control.instances import store as instances
from zpack.control.operations import store as operations_store
from zpack.control.operations.actions import new_operation_id

if TYPE_CHECKING:
    from datetime import timedelta

    from zpack.control.db.session import AsyncSession
    from zpack.control.db.tables import Operation
    from zpack.control.operations.actions import Operations

DELETE = "instance-delete"


class BeingCreated(Refusal):
    """The container belongs to an operation that has not finished."""

    kind = "conflict"
    code = "operation_in_progress"
    envelope = {"ok": False}  # noqa: RUF012 - read only


async def begin_delete(
    session: AsyncSession,
    operations: Operations,
    *,
    actor: str,
    vmid: int,
    hostname: str,
    customer_id: str | None,
    request_id: str,
    budget: timedelta,
) -> Operation:
    """Begin a delete, or return the one that runs. Raises BeingCreated."""
    await instances.lock_vmid(session, vmid)
    active = await operations_store.find_active(session, kind=DELETE, vmid=vmid)
    if active is not None:
        return active
    if await instances.find_reservation(session, vmid) is not None:
        raise BeingCreated("This server is still being created; cancel that operation first.")
    row = await instances.find(session, vmid)
    operation = operations.begin(
        session,
        operation_id=new_operation_id(),
        kind=DELETE,
        customer_id=customer_id,
        request_id=request_id,
        budget=budget,
        vmid=vmid,
        hostname=hostname,
        display_name=row.display_name if row is not None else None,
        state={"vmid": vmid, "hostname": hostname, "customer_id": customer_id},
    )
    record(session, "instance.delete", actor=actor, vmid=vmid, operation=operation.id)
    await session.flush()
    return operation
