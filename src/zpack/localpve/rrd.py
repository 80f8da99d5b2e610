"""What guests used over time, as ``rrddata`` tells it: a ring of averages for each of Proxmox's timeframes.

Kept in memory: after a restart history begins anew, and what was not measured is a row without figures.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.localpve.node import Node

log = logging.getLogger(__name__)
SAMPLE_SECONDS = 15.0
FRAMES = {"hour": 60, "day": 1800, "week": 10800, "month": 43200, "year": 604800}
"""Seconds that one row of a timeframe is the average of."""
ROWS = 70
GUESTS = 500
"""A rehearsed fleet of thousands has no history."""


@dataclass
class _Slot:
    """One row in the making."""

    begin: int
    limits: dict[str, float]
    sums: dict[str, float] = field(default_factory=dict[str, float])
    count: int = 0

    def add(self, figures: dict[str, float]) -> None:
        """Average in what was measured."""
        self.count += 1
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def row(self) -> dict[str, Any]:
        """Return it as Proxmox does."""
        figures = {name: total / self.count for name, total in self.sums.items()}
        return {"time": self.begin, **self.limits, **figures}


@dataclass
class _Totals:
    """The counters of one guest when it was last measured."""

    at: float
    received: float
    sent: float


class Rrd:
    """The history of every guest of a node."""

    def __init__(self, *, node: Node, clock: Callable[[], float] = time.time) -> None:
        self._node = node
        self._clock = clock
        self._rings: dict[tuple[int, str], deque[_Slot]] = {}
        self._totals: dict[int, _Totals] = {}

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            try:
                await self.sample()
            except Exception:
                log.exception("the guests cannot be measured")

    async def sample(self) -> None:
        """Measure every guest once, and forget those that are gone."""
        guests = [vmid for vmid in self._node.vmids() if vmid not in self._node.templates][:GUESTS]
        for vmid in guests:
            if vmid in self._node.vmids():
                self._add(vmid, await self._node.current(vmid))
        for key in [key for key in self._rings if key[0] not in guests]:
            del self._rings[key]
        for vmid in self._totals.keys() - set(guests):
            del self._totals[vmid]

    def rows(self, vmid: int, timeframe: str) -> list[dict[str, Any]]:
        """Return ``GET …/rrddata``, oldest first. Raises the node's error for no guest."""
        self._node.record(vmid)
        step = FRAMES[timeframe]
        known = {slot.begin: slot for slot in self._rings.get((vmid, timeframe), ())}
        last = int(self._clock()) // step * step
        times = range(last - (ROWS - 1) * step, last + 1, step)
        return [known[at].row() if at in known else {"time": at} for at in times]

    def _add(self, vmid: int, row: dict[str, Any]) -> None:
        now = self._clock()
        limits = {"maxcpu": row["cpus"], "maxmem": row["maxmem"], "maxdisk": row["maxdisk"]}
        figures = self._measured(vmid, row, now) if row["status"] == "running" else {}
        for frame, step in FRAMES.items():
            ring = self._rings.setdefault((vmid, frame), deque(maxlen=ROWS))
            begin = int(now) // step * step
            if not ring or ring[-1].begin != begin:
                ring.append(_Slot(begin, limits))
            if figures:
                ring[-1].add(figures)

    def _measured(self, vmid: int, row: dict[str, Any], now: float) -> dict[str, float]:
        """Return figures, of counters the rate since they were read last."""
        found = {name: float(row[name]) for name in ("cpu", "mem", "disk", "diskread", "diskwrite")}
        before, totals = self._totals.get(vmid), _Totals(now, row["netin"], row["netout"])
        self._totals[vmid] = totals
        if before is not None and now > before.at:
            seconds = now - before.at
            found["netin"] = max(0.0, totals.received - before.received) / seconds
            found["netout"] = max(0.0, totals.sent - before.sent) / seconds
        return found
