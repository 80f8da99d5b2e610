"""Shards are split fairly, taken over when a worker dies, and never held by two."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import text

from zpack.control.db.leases import ShardRows
from zpack.control.engine.shards import LEASE, MARGIN, SHARDS, Shards

if TYPE_CHECKING:
    from zpack.control.db.session import Database

ALL = frozenset(range(SHARDS))


def shards(database: Database, worker: str) -> Shards:
    return Shards(database=database, rows=ShardRows(), worker=worker)


async def lapse(database: Database, worker: str) -> None:
    """Let a worker's leases run out now: it died."""
    async with database.transaction() as session:
        for table in ("work_shards", "polling_workers"):
            await session.execute(
                text(f"update {table} set expires_at = now() where worker = :worker"), {"worker": worker}
            )


async def test_one_worker_holds_everything(database: Database) -> None:
    one = shards(database, "one")
    assert (one.held, one.alone()) == (frozenset(), False)
    await one.renew()
    assert (one.held, one.alone()) == (ALL, True)


async def test_a_second_worker_gets_its_half_and_none_twice(database: Database) -> None:
    one, two = shards(database, "one"), shards(database, "two")
    for worker in (one, two, one, two):
        await worker.renew()
        assert not one.held & two.held
    assert (len(one.held), len(two.held)) == (32, 32)
    assert one.alone() != two.alone()


async def test_a_dead_worker_s_shards_go_to_the_living(database: Database) -> None:
    one, two = shards(database, "one"), shards(database, "two")
    for worker in (one, two, one, two):
        await worker.renew()
    await lapse(database, "one")
    await two.renew()
    assert (two.held, two.alone()) == (ALL, True)


async def test_a_clean_end_gives_back_at_once(database: Database) -> None:
    one, two = shards(database, "one"), shards(database, "two")
    for worker in (one, two, one, two):
        await worker.renew()
    await one.release()
    await two.renew()
    assert (one.held, two.held) == (frozenset(), ALL)


async def test_one_that_stalls_does_not_believe_its_leases(database: Database) -> None:
    now = 1000.0
    one = Shards(database=database, rows=ShardRows(), worker="one", clock=lambda: now)
    await one.renew()
    now += LEASE.total_seconds() - MARGIN - 0.001
    assert one.held == ALL
    now += 0.001
    assert (one.held, one.alone()) == (frozenset(), False), "a second before the database frees them"


async def test_workers_that_come_at_once_share(database: Database) -> None:
    workers = [shards(database, f"w{n}") for n in range(5)]
    for _ in range(4):
        await asyncio.gather(*(worker.renew() for worker in workers))
        held = [shard for worker in workers for shard in worker.held]
        assert len(held) == len(set(held))
    assert sorted(held) == list(range(SHARDS))
    assert max(len(worker.held) for worker in workers) <= 13


async def test_a_worker_that_lost_its_leases_does_not_renew_them(database: Database) -> None:
    one, two = shards(database, "one"), shards(database, "two")
    await one.renew()
    await lapse(database, "one")
    await two.renew()
    await one.renew()
    assert not one.held & two.held
