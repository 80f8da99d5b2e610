"""Prometheus' range queries, for the charts of one container.

Its answer is as foreign as any: bounded in size and time; what is no number at a moment is left out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.engine.budget import Budget
    from zpack.control.outside.http import ForeignHttp

LIMIT = 4 << 20
RATE_SECONDS = 120
"""The least window of a rate: several scrapes."""
OK, BAD_GATEWAY = 200, 500
SERIES: Mapping[str, str] = {
    "cpu": 'sum(max by (cpu, mode) (rate(node_cpu_seconds_total{{{at},mode!~"idle|iowait"}}[{rate}])))'
    " / count(count by (cpu) (node_cpu_seconds_total{{{at}}}))",
    "memory": "max(node_memory_MemTotal_bytes{{{at}}}) - max(node_memory_MemAvailable_bytes{{{at}}})",
    "memory_total": "max(node_memory_MemTotal_bytes{{{at}}})",
    "disk": 'max(node_filesystem_size_bytes{{{at},mountpoint="/"}})'
    ' - max(node_filesystem_avail_bytes{{{at},mountpoint="/"}})',
    "disk_total": 'max(node_filesystem_size_bytes{{{at},mountpoint="/"}})',
    "received": 'sum(max by (device) (rate(node_network_receive_bytes_total{{{at},device!="lo"}}[{rate}])))',
    "sent": 'sum(max by (device) (rate(node_network_transmit_bytes_total{{{at},device!="lo"}}[{rate}])))',
}
"""Of the unix metrics that Grafana Alloy shows, each one series without labels.

What came twice, scraped and written by the collector itself, counts once: hence the inner ``max``.
"""
Samples = dict[str, list[tuple[float, float]]]


class Prometheus:
    """A client of one Prometheus; without a URL there is none."""

    def __init__(self, *, base_url: str | None, token: str | None, http: ForeignHttp) -> None:
        self._base = base_url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = http

    @property
    def is_set(self) -> bool:
        """Whether there is one."""
        return self._base is not None

    async def history(self, vmid: int, *, begin: int, end: int, step: int, budget: Budget) -> Samples:
        """Return what was recorded of one container, by series: moments and values. Raises ForeignError."""
        form = {"query": query_of(vmid, step), "start": str(begin), "end": str(end), "step": str(step)}
        answer = await self._http.request(
            "POST",
            f"{self._base}/api/v1/query_range",
            budget=budget,
            headers=self._headers,
            form={**form, "timeout": f"{max(1, int(budget.left))}s"},
            limit=LIMIT,
        )
        body = answer.json
        if answer.status != OK or not isinstance(body, dict) or body.get("status") != "success":
            transient = answer.status >= BAD_GATEWAY or answer.status == OK
            raise ForeignError(
                f"Prometheus answered {answer.status}", transient=transient, status=answer.status
            )
        return samples_of(body.get("data"))

    async def ping(self, budget: Budget) -> None:
        """Raise ForeignError unless it is ready."""
        answer = await self._http.request(
            "GET", f"{self._base}/-/ready", budget=budget, headers=self._headers
        )
        if answer.status != OK:
            raise ForeignError(f"Prometheus answered {answer.status}", transient=True, status=answer.status)

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()


def query_of(vmid: int, step: int) -> str:
    """Return one query for every series; the VMID is a number and nothing else enters it."""
    words = {"at": f'vmid="{vmid:d}"', "rate": f"{max(RATE_SECONDS, 2 * step):d}s"}
    parts = (
        f'label_replace({text.format(**words)}, "series", "{name}", "", "")' for name, text in SERIES.items()
    )
    return " or ".join(parts)


def samples_of(data: Any) -> Samples:
    """Return what an answer holds of our series; whatever does not look like one is left out."""
    found: Samples = {}
    rows = data.get("result") if isinstance(data, dict) else None
    for row in rows if isinstance(rows, list) else []:
        labels = row.get("metric") if isinstance(row, dict) else None
        name = labels.get("series") if isinstance(labels, dict) else None
        if isinstance(name, str) and name in SERIES and isinstance(row.get("values"), list):
            found[name] = [pair for value in row["values"] if (pair := _sample(value)) is not None]
    return found


def _sample(value: Any) -> tuple[float, float] | None:
    try:
        at, number = float(value[0]), float(value[1])
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        return None
    return (at, max(0.0, number)) if math.isfinite(at) and math.isfinite(number) else None
