"""Targets as Prometheus' HTTP discovery wants them, and the window of a chart: pure (contract §11)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Networks = tuple[IPv4Network | IPv6Network, ...]
NODE_PORT = 9100
DURATION = re.compile(r"([1-9][0-9]{0,6})(s|m|h|d)")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
RANGE_SECONDS = range(60, 31 * 86400 + 1)
STEP_SECONDS = range(5, 86400 + 1)
POINTS = 500
"""Of one series at most; Prometheus itself refuses more than 11,000."""
USUAL_POINTS, USUAL_STEP = 240, 30
KNOWN_SECONDS = 120
"""How long a number of players is taken to be true."""


@dataclass(frozen=True, slots=True)
class Running:
    """A container that has an address."""

    vmid: int
    customer_id: str | None
    hostname: str
    ctype: str
    ip: str
    game: str | None
    variant: str | None
    runtime: str | None


def scrapeable(rows: Iterable[Running], excluded: Networks) -> list[Running]:
    """Return the containers that may be listed: an address that is one, and none of the infrastructure's."""
    return [row for row in rows if _listed(row.ip, excluded)]


def _listed(ip: str, excluded: Networks) -> bool:
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    if address.is_unspecified or address.is_multicast:
        return False
    return not any(address in network for network in excluded if network.version == address.version)


def container_target(row: Running, port: int) -> dict[str, Any]:
    """Return the collector of one container (contract §11.2). A label is text, or the refresh fails whole."""
    labels = {
        "vmid": str(row.vmid),
        "instance": row.hostname,
        "container_type": row.ctype,
        "game": row.game,
        "variant": row.variant,
        "runtime": row.runtime,
    }
    return {"targets": [_at(row.ip, port)], "labels": _told(labels)}


def exporter_target(row: Running, bridges: Mapping[str, str]) -> dict[str, Any]:
    """Return one container in the older shape (contract §11.1)."""
    labels = {
        "job": "zlh_node",
        "exporter": "node",
        "vmid": str(row.vmid),
        "customerId": row.customer_id if row.customer_id and "@" not in row.customer_id else None,
        "ctype": row.ctype,
        "game": row.game,
        "variant": row.variant,
        "bridge": bridges.get(row.ctype),
        "__meta_metrics_path": "/metrics",
        "__meta_scheme": "http",
    }
    return {"targets": [_at(row.ip, NODE_PORT)], "labels": _told(labels)}


def _at(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _told(labels: Mapping[str, str | None]) -> dict[str, str]:
    """Return the labels that say something; to Prometheus an empty one and none are the same."""
    return {name: str(value) for name, value in labels.items() if value}


@dataclass(frozen=True, slots=True)
class Window:
    """The moments of a chart, in seconds since 1970, both ends included."""

    begin: int
    end: int
    step: int

    @property
    def times(self) -> list[int]:
        """Return every moment."""
        return list(range(self.begin, self.end + 1, self.step))


def seconds_of(text: str) -> int | None:
    """Return the seconds of ``90s``, ``15m``, ``1h`` or ``7d``; None for anything else."""
    found = DURATION.fullmatch(text)
    return int(found[1]) * UNITS[found[2]] if found and text.isascii() else None


def window_of(length: int, step: int | None, *, now: float, least: int = 1) -> Window:
    """Return the window that ends now: at most so many points, whatever step was asked for."""
    wanted = step or max(USUAL_STEP, -(-length // USUAL_POINTS))
    fitting = max(wanted, least, -(-length // (POINTS - 1)))
    end = int(now) // fitting * fitting
    return Window(end - length // fitting * fitting, end, fitting)


Series = dict[str, list[float | None]]
NAMES = ("cpu", "memory", "memory_total", "disk", "disk_total", "received", "sent")


RRD = {
    "cpu": "cpu",
    "mem": "memory",
    "maxmem": "memory_total",
    "disk": "disk",
    "maxdisk": "disk_total",
    "netin": "received",
    "netout": "sent",
}
"""Proxmox's names; its rates are bytes a second and its processor a share of the container's cores."""


def rrd_samples(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Return Proxmox's rows by series; a field that is missing or no number is a gap."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        at = _number(row.get("time"))
        for field, name in RRD.items():
            value = _number(row.get(field))
            if at is not None and value is not None:
                found.setdefault(name, []).append((at, value))
    return found


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None


def placed(window: Window, samples: Mapping[str, Sequence[tuple[float, float]]], since: datetime) -> Series:
    """Return each series at the window's moments; null where nothing was recorded, or by a former tenant.

    Several samples of one moment are averaged. A VMID is used again, and what was recorded under it before
    this server was made is not its owner's.
    """
    begin, count = since.timestamp(), len(window.times)
    found: Series = {}
    for name in NAMES:
        sums, seen = [0.0] * count, [0] * count
        for at, value in samples.get(name, ()):
            index = round((at - window.begin) / window.step)
            if at >= begin and 0 <= index < count:
                sums[index] += value
                seen[index] += 1
        found[name] = [total / n if n else None for total, n in zip(sums, seen, strict=True)]
    return found


def chart(window: Window, series: Series, source: str) -> dict[str, Any]:
    """Return the body of a server's metrics. The units are part of it, and what is missing is said."""
    return {
        "source": source,
        "from": window.begin,
        "to": window.end,
        "step": window.step,
        "times": window.times,
        "cpu": {"unit": "ratio", "used": series["cpu"]},
        "memory": {"unit": "bytes", "used": series["memory"], "total": series["memory_total"]},
        "disk": {"unit": "bytes", "used": series["disk"], "total": series["disk_total"]},
        "network": {"unit": "bytes/s", "received": series["received"], "sent": series["sent"]},
        "empty": [name for name in NAMES if all(value is None for value in series[name])],
    }


def counted(window: Window, samples: Iterable[tuple[float, int]]) -> dict[str, Any]:
    """Return how many played between each moment of a window and the one before.

    A number is known for a while, so that a step shorter than the rhythm of looking shows no gaps.
    """
    found: list[list[int]] = [[] for _ in window.times]
    last: list[int | None] = [None] * len(found)
    for at, number in samples:
        index = max(0, math.ceil((at - window.begin) / window.step))
        until = int((at + KNOWN_SECONDS - window.begin) // window.step)
        if window.begin - window.step < at <= window.end:
            found[index].append(number)
        for later in range(index, min(until + 1, len(last))):
            last[later] = number
    spans = [seen or ([] if kept is None else [kept]) for seen, kept in zip(found, last, strict=True)]
    return {
        "unit": "players",
        "least": [min(span, default=None) for span in spans],
        "average": [round(sum(span) / len(span), 2) if span else None for span in spans],
        "most": [max(span, default=None) for span in spans],
    }
