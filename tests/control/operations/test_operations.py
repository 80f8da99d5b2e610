"""Operations: who may see them, cancel and retry them; idempotency keys; the hand-over to the kernel."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fakeredis import FakeAsyncRedis

from zpack.control.db.tables import IdempotencyKey
from zpack.control.engine.changes import Changes
from zpack.control.operations import store
from zpack.control.operations.actions import OperationJournal, new_operation_id
from zpack.control.operations.poller import Dispatcher

if TYPE_CHECKING:
    from tests.support.http import Caller
    from zpack.control.db.session import Database
    from zpack.control.db.tables import Operation
    from zpack.control.wiring import Api

MINUTE = timedelta(minutes=1)


async def begun(api: Api, database: Database, owner: str, *, kind: str = "instance-create") -> str:
    operation_id = new_operation_id()
    async with database.transaction() as session:
        api.operations.begin(
            session, operation_id=operation_id, kind=kind, customer_id=owner, request_id="req_test",
            budget=MINUTE, vmid=5000, hostname="mc-5000", state={},
        )  # fmt: skip
    return operation_id


async def found(database: Database, operation_id: str) -> Operation:
    async with database.transaction() as session:
        row = await store.find(session, operation_id)
    assert row is not None
    return row


@pytest.fixture
async def operation(api: Api, database: Database, ann: Caller) -> str:
    return await begun(api, database, (await ann.get("/api/auth/me")).body["user"]["id"])


@pytest.fixture
def journal(database: Database) -> OperationJournal:
    return OperationJournal(database=database, changes=Changes(redis=FakeAsyncRedis(decode_responses=True)))


async def test_the_owner_sees_the_designs_shape(ann: Caller, operation: str) -> None:
    seen = (await ann.get(f"/api/operations/{operation}")).body["operation"]
    assert set(seen) == {
        "id", "kind", "status", "phase", "progress", "vmid", "hostname", "displayName", "requestId", "startedAt",
        "updatedAt", "statusUrl",
    }  # fmt: skip
    assert (seen["status"], seen["statusUrl"]) == ("queued", f"/api/operations/{operation}")
    assert (await ann.get(f"/api/instances/operations/{operation}")).body["operation"] == seen


@pytest.mark.parametrize(("method", "word"), [("GET", ""), ("POST", "/cancel"), ("POST", "/retry")])
async def test_another_user_gets_the_same_404_as_for_none(
    bob: Caller, operation: str, method: str, word: str
) -> None:
    theirs = await bob.call(method, f"/api/operations/{operation}{word}")
    nobodys = await bob.call(method, f"/api/operations/op_none{word}")
    assert theirs.status == nobodys.status == 404
    assert {**theirs.body, "requestId": ""} == {**nobodys.body, "requestId": ""}


async def test_an_admin_sees_and_cancels_all(root: Caller, operation: str) -> None:
    assert (await root.get(f"/api/operations/{operation}")).status == 200
    assert (await root.post(f"/api/operations/{operation}/cancel")).status == 202


async def test_the_audit_says_of_which_server_a_cancel_was(ann: Caller, operation: str) -> None:
    vmid = (await ann.get(f"/api/operations/{operation}")).body["operation"]["vmid"]
    await ann.post(f"/api/operations/{operation}/cancel")
    newest = (await ann.get("/api/audit?action=operation.cancel")).body["entries"][0]
    assert newest["details"] == {"operation": operation, "vmid": vmid}


async def test_a_cancel_reaches_the_journal(ann: Caller, operation: str, journal: OperationJournal) -> None:
    assert await journal.cancel_requested(operation) is False
    await ann.post(f"/api/operations/{operation}/cancel")
    assert await journal.cancel_requested(operation) is True


async def test_the_end_is_recorded_once(ann: Caller, operation: str, journal: OperationJournal) -> None:
    await journal.begin_step(operation, "clone-container", 0.2)
    await journal.finish(operation, status="succeeded", result={"ip": "127.82.0.1"}, error=None)
    await journal.finish(operation, status="failed", result={}, error={"code": "late"})
    await journal.begin_step(operation, "late", 0.9)
    seen = (await ann.get(f"/api/operations/{operation}")).body["operation"]
    assert (seen["status"], seen["phase"], seen["progress"]) == ("succeeded", "clone-container", 1.0)
    assert "error" not in seen
    assert (await ann.post(f"/api/operations/{operation}/cancel")).body["error"] == "operation_finished"
    assert (await ann.post(f"/api/operations/{operation}/retry")).body["error"] == "operation_not_retryable"


async def test_a_retry_begins_again_with_a_fresh_deadline(
    ann: Caller, operation: str, database: Database, journal: OperationJournal
) -> None:
    first = await found(database, operation)
    await journal.finish(operation, status="failed", result={}, error={"code": "x", "message": "y"})
    reply = await ann.post(f"/api/operations/{operation}/retry")
    assert (reply.status, reply.body["operation"]["status"]) == (202, "queued")
    again = await found(database, operation)
    assert (again.attempt, again.error, again.finished_at) == (2, None, None)
    assert again.deadline > first.deadline
    assert again.input["deadline"] == again.deadline.isoformat()


async def test_waiting_returns_at_the_end_or_in_time(
    api: Api, ann: Caller, operation: str, database: Database, journal: OperationJournal
) -> None:
    caller = (await api.accounts.session(f"Bearer {ann.token}")).user
    assert (await api.operations.wait(caller, operation, 0.2)).status == "queued"
    waiting = asyncio.create_task(api.operations.wait(caller, operation, 30))
    await journal.finish(operation, status="cancelled", result={}, error=None)
    assert (await asyncio.wait_for(waiting, 20)).status == "cancelled"


async def claim(database: Database, operation_id: str, key: str = "k") -> IdempotencyKey | None:
    async with database.transaction() as session:
        return await store.claim_key(
            session, customer_id="u", key=key, fingerprint="f", operation_id=operation_id
        )


async def test_of_many_simultaneous_claims_one_wins(api: Api, database: Database) -> None:
    ids = [await begun(api, database, "u") for _ in range(8)]
    claims = await asyncio.gather(*(claim(database, one) for one in ids))
    assert claims.count(None) == 1
    winner = ids[claims.index(None)]
    assert {row.operation_id for row in claims if row is not None} == {winner}


async def test_a_key_is_free_again_after_a_day(api: Api, database: Database) -> None:
    first, second = await begun(api, database, "u"), await begun(api, database, "u")
    await claim(database, first)
    async with database.transaction() as session:
        row = await session.get(IdempotencyKey, ("u", "k"))
        assert row is not None
        row.created_at = datetime.now(UTC) - timedelta(hours=25)
    assert await claim(database, second) is None


class Starter:
    """A kernel that knows one kind of work."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.away = False

    async def start(self, operation_id: str, kind: str, state: dict[str, Any], *, attempt: int) -> None:
        if self.away:
            raise ConnectionError
        if kind != "instance-create":
            raise KeyError(kind)
        self.started.append(operation_id)


async def test_what_is_queued_is_started_once(api: Api, database: Database, operation: str) -> None:
    starter = Starter()
    dispatcher = Dispatcher(database=database, workflows=starter)
    await dispatcher.tick()
    await dispatcher.tick()
    assert starter.started == [operation]


async def test_unknown_work_does_not_hold_up_the_rest(
    api: Api, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await begun(api, database, "u", kind="from-tomorrow")
    known = await begun(api, database, "u")
    starter = Starter()
    await Dispatcher(database=database, workflows=starter).tick()
    assert starter.started == [known]
    assert "from-tomorrow" in caplog.text


async def test_a_start_that_failed_is_tried_again(database: Database, operation: str) -> None:
    starter = Starter()
    dispatcher = Dispatcher(database=database, workflows=starter)
    starter.away = True
    with pytest.raises(ConnectionError):
        await dispatcher.tick()
    starter.away = False
    await dispatcher.tick()
    assert starter.started == [operation]
