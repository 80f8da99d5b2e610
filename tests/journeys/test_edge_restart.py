"""The edge is killed with 500 servers registered: all are back in time, and nobody is ever led astray."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

import psycopg
import pytest
import pytest_asyncio

from tests.journeys.stack import Stack, address, hostname
from tests.support.slowness import slowness
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zpack.allinone.child import Child

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="module")]
VMIDS = range(5200, 5700)
BACK_SECONDS = 5.0
Places = dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("edge"), "127.89.0.0/16")
    await made.open()
    await made.start_control(ZPACK_EDGE_SECONDS="2")  # as it is by default
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def places(stack: Stack) -> Places:
    """Return where each of 500 published servers is, by name."""
    async with stack.someone("ann") as ann:
        owner = (await ann.get("/api/auth/me")).body["user"]["id"]
    where = {vmid: address("127.91", vmid) for vmid in VMIDS}
    stack.add_servers(owner, where, published=True)
    return {hostname(vmid): ip for vmid, ip in where.items()}


def edge_of(stack: Stack) -> Child:
    return next(child for child in stack.children if child.name == "edge")


async def ended(stack: Stack) -> None:
    """SIGKILL the edge and wait for its end."""
    edge = edge_of(stack)
    assert edge.pid is not None
    os.kill(edge.pid, signal.SIGKILL)
    await edge.ended()


async def watched_until(stack: Stack, right: Places) -> float:
    """Return after how many seconds the edge leads everybody right; fail if it leads anybody wrong."""
    began = time.monotonic()
    while True:
        now = await stack.registrations()
        wrong = {name: place for name, place in now.items() if right.get(name) != place}
        assert not wrong
        if now == right:
            return time.monotonic() - began
        if time.monotonic() - began > 2 * BACK_SECONDS:
            assert time.monotonic() - began < 2 * BACK_SECONDS * slowness(), f"{len(now)} of {len(right)}"
        await asyncio.sleep(0.02)


async def test_five_hundred_servers_get_registered(stack: Stack, places: Places) -> None:
    async def all_registered() -> bool:
        return await stack.registrations() == places

    await eventually(all_registered, timeout=30)


@pytest.mark.parametrize("forgets", [True, False])
async def test_all_are_back_in_five_seconds(stack: Stack, places: Places, forgets: bool) -> None:
    await ended(stack)
    if forgets:
        (stack.home / "edge/registry.json").unlink()
    await edge_of(stack).start()
    assert await watched_until(stack, places) <= BACK_SECONDS * slowness()


async def test_what_moved_or_went_meanwhile_is_never_found_at_its_old_place(
    stack: Stack, places: Places
) -> None:
    await ended(stack)
    moved, gone = VMIDS[:100], VMIDS[100:150]
    with psycopg.connect(stack.postgres.url) as connection:
        for vmid in moved:
            places[hostname(vmid)] = address("127.92", vmid)
            connection.execute("update instances set ip = %s where vmid = %s", (places[hostname(vmid)], vmid))
        connection.execute("delete from instances where vmid = any(%s)", (list(gone),))
    for vmid in gone:
        del places[hostname(vmid)]
    await edge_of(stack).start()
    assert await watched_until(stack, places) <= BACK_SECONDS * slowness()
