"""The lists for Prometheus' discovery, and what a server used over time."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.instances.models import COUNTED
from zpack.control.monitoring import store
from zpack.control.monitoring.models import (
    NAMES,
    RANGE_SECONDS,
    STEP_SECONDS,
    Window,
    chart,
    container_target,
    counted,
    exporter_target,
    placed,
    rrd_samples,
    scrapeable,
    seconds_of,
    window_of,
)
from zpack.control.outside.proxmox import Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zpack.control.accounts.models import User
    from zpack.control.db.session import Database
    from zpack.control.db.tables import ContainerInstance
    from zpack.control.instances.actions import Instances
    from zpack.control.monitoring.models import Networks, Running
    from zpack.control.outside.prometheus import Prometheus
    from zpack.control.outside.proxmox import Proxmox, Timeframe

CALL_SECONDS = 4.0
"""For each of the two that may be asked."""
KEPT_SECONDS, KEPT = 10.0, 256
FRAMES: tuple[tuple[int, Timeframe, int], ...] = (
    (3600, "hour", 60),
    (86400, "day", 1800),
    (7 * 86400, "week", 10800),
    (RANGE_SECONDS.stop, "month", 43200),
)
"""Up to how long a range, what Proxmox calls it, and the seconds between its rows."""


class BadRange(Refusal):
    """The range of a chart is none."""

    code = "invalid_range"


class BadStep(Refusal):
    """The step of a chart is none."""

    code = "invalid_step"


class Discovery:
    """What Prometheus is to scrape: every container that exists, as a list it takes whole or not at all."""

    def __init__(
        self, *, database: Database, excluded: Networks, port: int, bridges: Mapping[str, str]
    ) -> None:
        self._database = database
        self._excluded = excluded
        self._port = port
        self._bridges = bridges

    async def containers(self) -> bytes:
        """Return the collectors in the containers, as JSON."""
        return await self._listed(lambda row: container_target(row, self._port))

    async def exporters(self) -> bytes:
        """Return the same containers in the older shape, as JSON."""
        return await self._listed(lambda row: exporter_target(row, self._bridges))

    async def _listed(self, target: Callable[[Running], dict[str, Any]]) -> bytes:
        async with self._database.reading() as session:
            rows = await store.list_running(session)
        # In a thread: ten thousand targets take a tenth of a second, and nobody else is to wait for them.
        return await asyncio.to_thread(
            lambda: orjson.dumps([target(row) for row in scrapeable(rows, self._excluded)])
        )


class History:
    """What servers used over time: from Prometheus, else from Proxmox; remembered for some seconds.

    How many played is our own to know, whoever of the two answers.
    """

    def __init__(
        self, *, database: Database, instances: Instances, prometheus: Prometheus, proxmox: Proxmox
    ) -> None:
        self._database = database
        self._instances = instances
        self._prometheus = prometheus
        self._proxmox = proxmox
        self._kept: OrderedDict[tuple[Any, ...], tuple[float, dict[str, Any]]] = OrderedDict()

    async def of(self, user: User, server_id: str, length: str, step: str | None) -> dict[str, Any]:
        """Return a server's chart. Raises ServerMissing, BadRange, BadStep, ForeignError."""
        row = await self._instances.owned(user, server_id)
        asked = _asked(length, step)
        key = (row.vmid, row.created_at, *asked)
        known = self._kept.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        found = {"vmid": row.vmid, **await self._look(row, *asked)}
        found["players"] = await self._played(row, Window(found["from"], found["to"], found["step"]))
        self._kept[key] = time.monotonic() + KEPT_SECONDS, found
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    async def _look(self, row: ContainerInstance, length: int, step: int | None) -> dict[str, Any]:
        window = window_of(length, step, now=time.time())
        said, empty = "not_configured", None
        if self._prometheus.is_set:
            said, found = await self._recorded(row, window)
            if found is not None and len(found["empty"]) < len(NAMES):
                return {**found, "prometheus": said}
            empty = found
        try:
            found = await self._measured(row, length, step)
        except ForeignError:
            if empty is None:
                raise
            found = empty  # the one knows nothing, the other cannot be asked: an empty chart is the truth
        return {**found, "prometheus": said}

    async def _recorded(self, row: ContainerInstance, window: Window) -> tuple[str, dict[str, Any] | None]:
        """Return how Prometheus answered, and its chart if it did."""
        try:
            samples = await self._prometheus.history(
                row.vmid,
                begin=window.begin,
                end=window.end,
                step=window.step,
                budget=Budget.seconds(CALL_SECONDS),
            )
        except ForeignError:
            return "failed", None
        found = self._chart(row, window, samples, "prometheus")
        return ("empty" if len(found["empty"]) == len(NAMES) else "ok"), found

    async def _measured(self, row: ContainerInstance, length: int, step: int | None) -> dict[str, Any]:
        """Return the chart of Proxmox's figures. Raises ForeignError."""
        _, frame, resolution = next(one for one in FRAMES if length <= one[0])
        window = window_of(length, step, now=time.time(), least=resolution)
        try:
            rows = await self._proxmox.rrd(row.vmid, frame, Budget.seconds(CALL_SECONDS))
        except Missing:
            rows = []
        return self._chart(row, window, rrd_samples(rows), "proxmox")

    async def _played(self, row: ContainerInstance, window: Window) -> dict[str, Any] | None:
        """Return how many played; None for a game that does not tell."""
        if row.payload.get("game") not in COUNTED:
            return None
        begin, end = (datetime.fromtimestamp(at, UTC) for at in (window.begin - window.step, window.end))
        async with self._database.reading() as session:
            return counted(window, await store.list_players(session, row.vmid, begin, end))

    def _chart(
        self,
        row: ContainerInstance,
        window: Window,
        samples: Mapping[str, Sequence[tuple[float, float]]],
        source: str,
    ) -> dict[str, Any]:
        return chart(window, placed(window, samples, row.created_at), source)


def _asked(length: str, step: str | None) -> tuple[int, int | None]:
    """Return range and step in seconds. Raises BadRange, BadStep."""
    seconds = seconds_of(length)
    if seconds not in RANGE_SECONDS:
        raise BadRange("range must be between 1m and 31d, such as 90s, 15m, 1h or 7d.")
    assert seconds is not None  # noqa: S101 - it is in the range
    if step is None:
        return seconds, None
    each = seconds_of(step)
    if each not in STEP_SECONDS or each is None or each > seconds:
        raise BadStep("step must be between 5s and 1d, and no longer than the range.")
    return seconds, each
