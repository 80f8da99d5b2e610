"""Lanes hold across workers, not only within one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from zpack.control.provisioning.lanes import Lanes

if TYPE_CHECKING:
    from zpack.control.db.session import Database


async def most_at_once(lanes: list[Lanes], keys: list[str], wanted: int) -> int:
    """Enter every lane for every key; return how many were inside together, and wait for so many."""
    inside, most, full = 0, 0, asyncio.Event()

    async def one(lane: Lanes, key: str) -> None:
        nonlocal inside, most
        async with lane.enter(key):
            inside += 1
            most = max(most, inside)
            if most >= wanted:
                full.set()
            await full.wait()
            await asyncio.sleep(0.02)
            inside -= 1

    async with asyncio.timeout(20):
        await asyncio.gather(*(one(lane, key) for lane in lanes for key in keys))
    return most


@pytest.mark.parametrize("width", [1, 2])
async def test_two_workers_share_the_lanes_of_a_node(database: Database, width: int) -> None:
    workers = [Lanes(database=database, width=width) for _ in range(2)]
    assert await most_at_once(workers, ["local:zlh-thin"] * 4, width) == width


async def test_another_node_has_lanes_of_its_own(database: Database) -> None:
    assert await most_at_once([Lanes(database=database, width=1)], ["a:s", "b:s"], 2) == 2


async def test_a_failed_clone_frees_its_lane(database: Database) -> None:
    lanes = Lanes(database=database, width=1)
    with pytest.raises(RuntimeError):
        async with lanes.enter("a:s"):
            raise RuntimeError
    async with asyncio.timeout(20), lanes.enter("a:s"):
        assert True
