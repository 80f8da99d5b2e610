"""A server's time line: everything of its own, in one order, and nothing of anybody else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from zpack.control.audit.store import record
from zpack.control.instances.store import insert_instance

if TYPE_CHECKING:
    from tests.support.http import Caller
    from zpack.control.db.session import Database

LINE = "/api/servers/5000/activity"
OPERATION = text(
    "insert into operations (id, kind, status, customer_id, vmid, request_id, input, deadline, started_at, error)"
    " values (:id, :kind, :status, :owner, 5000, 'req_x', '{\"token\": \"secret\"}', now(), now() - cast(:ago as interval),"
    " cast(:error as jsonb))"
)
REPAIR = text(
    "insert into repair_events (finding_id, kind, vmid, event, actor, details)"
    " values ('f', 'agent_offline', 5000, 'repaired', 'system:repair', '{\"calls\": [\"secret\"]}')"
)

OLD = text("update audit_log set created_at = now() - interval '1 hour' where action = 'files.write'")


class Past:
    """Makes a server and what happened to it."""

    def __init__(self, database: Database, owner: str) -> None:
        self.database = database
        self.owner = owner

    async def server(self) -> None:
        async with self.database.transaction() as session:
            await insert_instance(
                session, vmid=5000, customer_id=self.owner, ctype="game", hostname="mc-5000", ip=None,
                allocated_ports={}, agent_state="idle", payload={},
            )  # fmt: skip

    async def operation(
        self, name: str, kind: str = "host-start", *, owner: str = "", status: str = "succeeded",
        ago: int = 0, error: str | None = None,
    ) -> None:  # fmt: skip
        values = {"id": name, "kind": kind, "status": status, "ago": timedelta(hours=ago), "error": error}
        async with self.database.transaction() as session:
            await session.execute(OPERATION, values | {"owner": owner or self.owner})

    async def audit(self, action: str, *, actor: str = "", **payload: Any) -> None:
        async with self.database.transaction() as session:
            record(session, action, actor=actor or self.owner, **{"vmid": 5000} | payload)

    async def repair(self) -> None:
        async with self.database.transaction() as session:
            await session.execute(REPAIR)


async def id_of(caller: Caller) -> str:
    return (await caller.get("/api/auth/me")).body["user"]["id"]


@pytest.fixture
async def past(database: Database, ann: Caller) -> Past:
    made = Past(database, await id_of(ann))
    await made.audit("instance.create", operation="op_create")
    await made.operation("op_create", "instance-create")
    await made.server()
    return made


async def entries(caller: Caller, query: str = "") -> list[dict[str, Any]]:
    reply = await caller.get(LINE + query)
    assert reply.status == 200, reply
    return reply.body["entries"]


async def actions(caller: Caller) -> list[str]:
    return [entry["action"] for entry in await entries(caller)]


async def test_all_three_kinds_stand_in_one_line(ann: Caller, past: Past) -> None:
    await past.audit("files.write", path="a.txt")
    await past.repair()
    await past.operation("op_start")
    assert await actions(ann) == [
        "host-start",
        "repaired",
        "files.write",
        "instance-create",
        "instance.create",
    ]
    kinds = [entry["kind"] for entry in await entries(ann)]
    assert kinds == ["operation", "repair", "audit", "operation", "audit"]


async def test_it_is_there_under_both_names(ann: Caller, past: Past) -> None:
    await past.repair()
    assert (await ann.get("/api/game/servers/5000/activity")).body == (await ann.get(LINE)).body


async def test_what_an_entry_says(ann: Caller, past: Past) -> None:
    await past.operation("op_bad", status="failed", error='{"message": "no space"}')
    entry, *_ = await entries(ann)
    assert (entry["status"], entry["text"], entry["detail"]) == (
        "failed",
        "no space",
        {"operation": "op_bad", "attempt": 1},
    )
    made, _ = (await entries(ann))[1:]
    assert made["actor"] == {"id": past.owner, "name": "ann"}


async def test_nothing_is_shown_that_is_not_named(ann: Caller, past: Past) -> None:
    await past.audit("x", password="secret", path=["secret"], url="secret", token="secret")
    await past.audit("y", path="p" * 1000)
    await past.repair()
    assert "secret" not in str(await entries(ann))
    assert len((await entries(ann))[1]["detail"]["path"]) == 300


async def test_of_staff_the_owner_learns_that_it_was_staff(ann: Caller, root: Caller, past: Past) -> None:
    await past.audit("host.stop", actor=await id_of(root), operation="op_stop")
    await past.operation("op_stop", "host-stop")
    await past.repair()
    actors = [entry["actor"] for entry in (await entries(ann))[:3]]
    assert actors == [{"id": "system:repair", "name": "zpack"}] + [{"id": "staff", "name": "Staff"}] * 2
    assert (await entries(root))[1]["actor"] == {"id": await id_of(root), "name": "admin"}


async def test_what_was_under_the_vmid_before_is_anothers(ann: Caller, past: Past) -> None:
    for kind, name in (("instance-create", "op_theirs"), ("host-start", "op_before")):
        await past.operation(name, kind, owner="usr_other", ago=1)
    async with past.database.transaction() as session:
        await session.execute(
            text("update audit_log set created_at = now() - interval '1 hour' where action = 'x'")
        )
    assert await actions(ann) == ["instance-create", "instance.create"]


async def test_an_adopted_server_begins_with_its_row(ann: Caller, database: Database, bob: Caller) -> None:
    past = Past(database, await id_of(ann))
    await past.operation("op_his", "instance-create", owner=await id_of(bob), ago=1)
    await past.audit("instance.create", actor=await id_of(bob), operation="op_his")
    await past.server()
    assert await actions(ann) == []


async def test_pages_have_every_entry_once(ann: Caller, past: Past) -> None:
    async with past.database.transaction() as session:
        for number in range(5):  # of one moment
            record(session, f"a{number}", actor=past.owner, vmid=5000)
            await session.execute(REPAIR)
    seen, query = [], "?limit=3"
    while query:
        page = (await ann.get(LINE + query)).body
        seen += [entry["id"] for entry in page["entries"]]
        query = f"?limit=3&before={page['next']}" if page["next"] else ""
    assert seen == [entry["id"] for entry in await entries(ann)]
    assert len(seen) == 12


@pytest.mark.parametrize(
    "before", ["x", "1.audit:", "1", "9" * 18 + ".audit:1", "1.other:1", "1.audit:'", "٣.audit:1"]
)
async def test_a_place_that_is_none_is_refused(ann: Caller, past: Past, before: str) -> None:
    reply = await ann.get(LINE, params={"before": before})
    assert (reply.status, reply.body["error"]) == (400, "invalid_cursor")


async def test_the_end_of_time_is_a_place(ann: Caller, past: Past) -> None:
    assert await entries(ann, "?before=0.audit:1") == []
    assert len(await entries(ann, f"?before={'9' * 17}.audit:1")) == 2


async def test_nobody_elses_line_is_there(bob: Caller, root: Caller, past: Past) -> None:
    assert (await bob.get(LINE)).body["error"] == "server_not_found"
    assert len(await entries(root)) == 2
