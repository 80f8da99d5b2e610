"""A guest's history as Proxmox tells it: averages in a grid, rates of counters, gaps without figures."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from proxmoxer.core import ResourceException

from tests.localpve.conftest import TEMPLATE, proxmoxer, settled
from zpack.localpve.rrd import ROWS, Rrd

if TYPE_CHECKING:
    from zpack.localpve.node import Node


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rrd(node: Node, clock: Clock) -> Rrd:
    node.rrd = Rrd(node=node, clock=clock)
    return node.rrd


async def made(node: Node, vmid: int, *, started: bool) -> None:
    node.clone(TEMPLATE, {"newid": str(vmid)})
    await settled(node)
    if started:
        await node.start(vmid)
        await settled(node)


def figures(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if "mem" in row]


async def test_a_running_guest_has_figures_and_a_stopped_one_limits(
    node: Node, rrd: Rrd, clock: Clock
) -> None:
    await made(node, 5001, started=True)
    await made(node, 5002, started=False)
    for _ in range(3):
        await rrd.sample()
        clock.now += 60
    rows = rrd.rows(5001, "hour")
    assert len(rows) == ROWS
    assert len(figures(rows)) == 3
    assert "netin" not in figures(rows)[0]
    assert figures(rows)[-1]["netin"] >= 0
    assert figures(rrd.rows(5002, "hour")) == []
    assert rrd.rows(5002, "hour")[-2]["maxcpu"] >= 1


async def test_what_was_not_measured_is_a_row_without_figures(node: Node, rrd: Rrd, clock: Clock) -> None:
    await made(node, 5001, started=True)
    await rrd.sample()
    clock.now += 600
    await rrd.sample()
    rows = rrd.rows(5001, "hour")
    assert [row["time"] for row in figures(rows)] == [rows[-1]["time"] - 600, rows[-1]["time"]]
    assert rows[-2] == {"time": rows[-1]["time"] - 60}


async def test_a_deleted_guest_s_history_is_not_the_next_one_s(node: Node, rrd: Rrd) -> None:
    await made(node, 5001, started=False)
    await rrd.sample()
    await node.delete(5001, {})
    await settled(node)
    await rrd.sample()
    await made(node, 5001, started=False)
    assert set(rrd.rows(5001, "day")[-1]) == {"time"}


async def test_a_client_not_ours_reads_it(node: Node, rrd: Rrd, server: str) -> None:
    await made(node, 5001, started=True)
    await rrd.sample()
    guest = proxmoxer(server).nodes("pve1").lxc(5001)
    rows = await asyncio.to_thread(guest.rrddata.get, timeframe="day", cf="AVERAGE")
    assert [row["maxmem"] for row in rows if "maxmem" in row] == [512 << 20]
    with pytest.raises(ResourceException, match="400"):
        await asyncio.to_thread(guest.rrddata.get, timeframe="decade")
