"""VMIDs and payload sections under concurrent writers, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from zpack.control.instances import store
from zpack.control.instances.models import hostname_for, is_marked, is_ours, made_by, owner_of

if TYPE_CHECKING:
    from zpack.control.db.session import Database

ROW = {
    "customer_id": "u",
    "ctype": "game",
    "allocated_ports": {},
    "agent_state": "running",
    "ip": "127.0.0.2",
}


async def allocated(database: Database, operation_id: str, **more: object) -> int | None:
    async with database.transaction() as session:
        return await store.allocate_vmid(session, ctype="game", operation_id=operation_id, **more)  # type: ignore[arg-type]


async def made(database: Database, vmid: int) -> None:
    async with database.transaction() as session:
        await store.insert_instance(session, vmid=vmid, hostname=f"mc-{vmid}", payload={}, **ROW)


async def test_forty_allocations_at_once_are_forty_numbers(database: Database) -> None:
    found = await asyncio.gather(*(allocated(database, f"op{n}") for n in range(40)))
    assert sorted(found) == list(range(5000, 5040))  # type: ignore[type-var]


async def test_one_operation_gets_one_number(database: Database) -> None:
    assert await allocated(database, "op") == await allocated(database, "op") == 5000


async def test_numbers_in_use_are_skipped(database: Database) -> None:
    await made(database, 5000)
    assert await allocated(database, "op", taken={5001, 5002}) == 5003


async def test_the_search_wraps_at_the_end(database: Database) -> None:
    assert await allocated(database, "a", taken=set(range(5000, 5999))) == 5999
    assert await allocated(database, "b") == 5000


async def test_an_exhausted_range_says_so(database: Database) -> None:
    assert await allocated(database, "op", taken=set(range(5000, 6000))) is None


async def test_two_hundred_interleaved_writers_lose_nothing(database: Database) -> None:
    await made(database, 5000)

    async def write(n: int) -> None:
        async with database.transaction() as session:
            section = "edge" if n % 2 else "proxy"
            await store.merge_payload(session, 5000, section, json.dumps({f"k{n}": n}))  # type: ignore[arg-type]

    await asyncio.gather(*(write(n) for n in range(200)))
    async with database.transaction() as session:
        row = await store.find(session, 5000)
    assert row is not None
    assert row.payload["edge"] | row.payload["proxy"] == {f"k{n}": n for n in range(200)}


async def test_an_archive_row_is_written_once_per_operation(database: Database) -> None:
    await made(database, 5000)
    async with database.transaction() as session:
        row = await store.find(session, 5000)
        assert row is not None
        first = await store.archive(session, row, reason="api_delete", operation_id="op")
        assert first == await store.archive(session, row, reason="api_delete", operation_id="op")


def test_only_our_ranges_and_our_mark_are_ours() -> None:
    assert [is_ours(n) for n in (820, 4999, 5000, 6999, 7000, 9001)] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    assert is_marked("zpack operation=op_1 owner=u", None)
    assert is_marked(None, "a;zpack")
    assert not is_marked("my zpack notes", "zpacks")
    assert made_by("zpack operation=op_1 owner=u", "op_1")
    assert not made_by("zpack operation=op_10 owner=u", "op_1")
    assert owner_of("zpack operation=op_1 owner=u") == "u"


def test_host_names() -> None:
    assert hostname_for(ctype="game", vmid=5013, game="minecraft", variant="paper") == "mc-paper-5013"
    assert hostname_for(ctype="game", vmid=5014, game="terraria") == "terraria-5014"
    assert hostname_for(ctype="dev", vmid=6001) == "dev-6001"
