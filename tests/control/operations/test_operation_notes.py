"""The UPIDs an operation keeps until its tasks have ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from zpack.control.db.tables import Operation
from zpack.control.operations import store
from zpack.control.operations.notes import OperationNote, warned

if TYPE_CHECKING:
    from zpack.control.db.session import Database

UPID = "UPID:pve1:000D7AA2:08D5A17C:63DF62A5:vzstart:5000:root@pam:"


@pytest.fixture
async def note(database: Database) -> OperationNote:
    deadline = datetime.now(UTC) + timedelta(minutes=5)
    async with database.transaction() as session:
        for name in ("op_1", "op_2"):
            row = Operation(
                id=name, kind="host-start", status="running", request_id="r", input={}, deadline=deadline
            )
            store.add(session, row)
    return OperationNote(database=database, operation_id="op_1")


async def test_a_task_is_found_by_its_kind_until_it_is_forgotten(note: OperationNote) -> None:
    assert await note.begun("vzstart") is None
    await note.note("vzstart", UPID)
    await note.note("vzstop", "UPID:another")
    assert await note.begun("vzstart") == UPID
    await note.note("vzstart", None)
    assert await note.begun("vzstart") is None
    assert await note.begun("vzstop") == "UPID:another"


async def test_the_tasks_of_another_operation_are_its_own(database: Database, note: OperationNote) -> None:
    await note.note("vzstart", UPID)
    assert await OperationNote(database=database, operation_id="op_2").begun("vzstart") is None


async def test_an_operation_that_has_ended_keeps_none(database: Database, note: OperationNote) -> None:
    await note.note("vzstart", UPID)
    async with database.transaction() as session:
        await store.set_finished(session, "op_1", status="failed", result={"vmid": 5000}, error=None)
    await note.note("vzstart", UPID)
    assert await note.begun("vzstart") is None
    async with database.transaction() as session:
        found = await store.find(session, "op_1")
    assert found is not None
    assert found.result == {"vmid": 5000}


async def test_warnings_are_shown_with_the_operation(database: Database, note: OperationNote) -> None:
    assert await note.begun("vzstart") is None
    facts = warned({"warnings": ["vzclone: WARNINGS: 1"]}, None, "vzstart: WARNINGS: 2")
    async with database.transaction() as session:
        await store.set_finished(session, "op_1", status="succeeded", result=facts, error=None)
        found = await store.find(session, "op_1", lock=True)
        assert found is not None
        shown = store.operation_view(found)
    assert shown["warnings"] == ["vzclone: WARNINGS: 1", "vzstart: WARNINGS: 2"]
