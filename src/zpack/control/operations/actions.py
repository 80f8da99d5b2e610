"""Begin, follow, cancel and retry operations; and the journal the workflow kernel writes to."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.db.tables import Operation
from zpack.control.engine import tracing
from zpack.control.engine.changes import Change
from zpack.control.engine.errors import Refusal
from zpack.control.operations import store
from zpack.control.operations.store import operation_view

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from zpack.control.accounts.models import User
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.engine.changes import Changes
    from zpack.control.engine.steps import Finished, State
    from zpack.control.operations.models import OperationsQuery, OwnOperationsQuery

FINISHED = frozenset({"succeeded", "failed", "cancelled"})
WAIT_POLL = 0.15


class OperationMissing(Refusal):
    """No such operation, or not the caller's: the same answer."""

    kind = "not_found"
    code = "operation_not_found"


class OperationFinished(Refusal):
    """A finished operation cannot be cancelled."""

    kind = "conflict"
    code = "operation_finished"


class NotRetryable(Refusal):
    """Only a failed or cancelled operation can be tried again."""

    kind = "conflict"
    code = "operation_not_retryable"


def new_operation_id() -> str:
    """Return a fresh, unguessable operation id."""
    return f"op_{secrets.token_hex(12)}"


class Operations:
    """The record of what people wait for. ``hint`` wakes the dispatcher after a commit."""

    def __init__(self, *, database: Database, hint: Callable[[], None]) -> None:
        self._database = database
        self._hint = hint

    def begin(
        self,
        session: AsyncSession,
        *,
        operation_id: str,
        kind: str,
        customer_id: str | None,
        request_id: str,
        budget: timedelta,
        vmid: int,
        hostname: str,
        display_name: str | None = None,
        state: State,
    ) -> Operation:
        """Add a queued operation to the caller's transaction; call :meth:`committed` after it."""
        now = datetime.now(UTC)
        deadline = now + budget
        operation = Operation(
            id=operation_id,
            kind=kind,
            status="queued",
            phase=None,
            progress=0.0,
            customer_id=customer_id,
            vmid=vmid,
            hostname=hostname,
            display_name=display_name,
            request_id=request_id,
            attempt=1,
            input={
                **state,
                **tracing.passed_on(),
                "operation_id": operation_id,
                "request_id": request_id,
                "deadline": deadline.isoformat(),
            },
            result=None,
            error=None,
            cancel_requested=False,
            deadline=deadline,
            started_at=now,
            updated_at=now,
        )
        store.add(session, operation)
        return operation

    def committed(self) -> None:
        """Say that an operation was committed, so that a worker begins it at once."""
        self._hint()

    async def get(self, user: User, operation_id: str) -> Operation:
        """Return an operation of the caller's (an admin sees all). Raises OperationMissing."""
        async with self._database.transaction() as session:
            return _seen_by(user, await store.find(session, operation_id))

    async def own(self, user: User, query: OwnOperationsQuery) -> dict[str, Any]:
        """Return a page of the caller's operations, the newest first."""
        async with self._database.reading() as session:
            rows = await store.page(session, query, customer_id=user.id)
        more = rows[-1][0].id if len(rows) == query.limit else None
        return {"operations": [operation_view(row) for row, _ in rows], "next": more}

    async def everybodys(self, query: OperationsQuery) -> dict[str, Any]:
        """Return a page of everybody's operations, whose they are, and which kinds there are."""
        async with self._database.reading() as session:
            rows = await store.page(session, query, status=query.status, kind=query.kind)
            kinds = await store.list_kinds(session)
        more = rows[-1][0].id if len(rows) == query.limit else None
        found = [{**operation_view(row), "ownerId": row.customer_id, "owner": owner} for row, owner in rows]
        return {"operations": found, "next": more, "kinds": kinds}

    async def seen_by(self, user: User, operation_ids: Collection[str]) -> list[dict[str, Any]]:
        """Return those of these operations that the caller may see, as clients see them."""
        if not operation_ids:
            return []
        async with self._database.reading() as session:
            rows = await store.find_many(session, operation_ids)
        return [operation_view(row) for row in rows if user.is_admin or row.customer_id == user.id]

    async def wait(self, user: User, operation_id: str, seconds: float) -> Operation:
        """Return the operation when it has finished, or as it is after ``seconds``."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            operation = await self.get(user, operation_id)
            left = end - loop.time()
            if operation.status in FINISHED or left <= 0:
                return operation
            await asyncio.sleep(min(WAIT_POLL, left))

    async def cancel(self, user: User, operation_id: str) -> Operation:
        """Ask a running operation to unwind. Raises OperationMissing, OperationFinished."""
        async with self._database.transaction() as session:
            operation = _seen_by(user, await store.find(session, operation_id, lock=True))
            if operation.status in FINISHED:
                raise OperationFinished(f"The operation has {operation.status} already.")
            operation.cancel_requested = True
            operation.updated_at = datetime.now(UTC)
            record(session, "operation.cancel", actor=user.id, operation=operation_id, vmid=operation.vmid)
        return operation

    async def retry(self, user: User, operation_id: str) -> Operation:
        """Run a failed operation again from its first step with a fresh deadline.

        Raises OperationMissing, NotRetryable.
        """
        async with self._database.transaction() as session:
            operation = _seen_by(user, await store.find(session, operation_id, lock=True))
            if operation.status not in {"failed", "cancelled"}:
                raise NotRetryable(f"The operation is {operation.status}.")
            if await store.find_active(session, kind=operation.kind, vmid=operation.vmid or 0):
                raise NotRetryable("Another operation of this kind is running on the same server.")
            now = datetime.now(UTC)
            deadline = now + (operation.deadline - operation.started_at)
            operation.input = {**operation.input, "deadline": deadline.isoformat()}
            operation.attempt += 1
            operation.status, operation.phase, operation.progress = "queued", None, 0.0
            operation.error, operation.result, operation.cancel_requested = None, None, False
            operation.started_at, operation.updated_at, operation.deadline = now, now, deadline
            operation.finished_at = None
            record(session, "operation.retry", actor=user.id, operation=operation_id, vmid=operation.vmid)
        self._hint()
        return operation


class OperationJournal:
    """The workflow kernel's journal, kept in the operations table."""

    def __init__(self, *, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes

    async def begin_step(self, operation_id: str, phase: str, progress: float | None) -> None:
        """Record the phase people see."""
        async with self._database.transaction() as session:
            owner = await store.set_phase(session, operation_id, phase, progress)
        await self._changes.tell(Change("operation", operation_id, owner))

    async def cancel_requested(self, operation_id: str) -> bool:
        """Say whether someone asked to cancel."""
        async with self._database.transaction() as session:
            operation = await store.find(session, operation_id)
            return operation is not None and operation.cancel_requested

    async def finish(
        self, operation_id: str, *, status: Finished, result: State, error: dict[str, Any] | None
    ) -> None:
        """Record the end."""
        public = {key: result[key] for key in ("vmid", "hostname", "ip", "archived") if key in result}
        async with self._database.transaction() as session:
            owner = await store.set_finished(session, operation_id, status=status, result=public, error=error)
        changed = [Change("operation", operation_id, owner)]
        if "vmid" in public:
            changed.append(Change("server", str(public["vmid"]), owner))
        await self._changes.tell_all(changed)


def _seen_by(user: User, operation: Operation | None) -> Operation:
    if operation is None or not (user.is_admin or operation.customer_id == user.id):
        raise OperationMissing("There is no such operation.")
    return operation
