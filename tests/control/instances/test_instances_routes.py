"""``GET /api/instances``: the caller's own rows, for the portal to look servers up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zpack.control.instances import store

if TYPE_CHECKING:
    from tests.support.http import Caller
    from zpack.control.db.session import Database


async def made(database: Database, caller: Caller, vmid: int) -> None:
    me = (await caller.get("/api/auth/me")).body["user"]["id"]
    async with database.transaction() as session:
        await store.insert_instance(
            session,
            vmid=vmid,
            hostname=f"mc-{vmid}",
            customer_id=me,
            ctype="game",
            ip="127.0.0.2",
            allocated_ports={"game": [25565]},
            payload={"game": "minecraft"},
            agent_state="running",
        )


@pytest.mark.seed("S7")
async def test_the_list_has_the_caller_s_rows_and_no_one_else_s(
    database: Database, ann: Caller, bob: Caller
) -> None:
    await made(database, ann, 5000)
    await made(database, bob, 5001)
    listed = (await ann.get("/api/instances")).body
    assert [row["vmid"] for row in listed["rows"]] == [5000]
    assert (await ann.get("/api/instances/5000")).body["row"]["hostname"] == "mc-5000"
    assert (await ann.get("/api/instances/5001")).status == 404
