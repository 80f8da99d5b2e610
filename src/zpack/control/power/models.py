"""The host operation as clients see it (contract §8.2): pure."""

from __future__ import annotations

from typing import Any, Literal

HostAction = Literal["start", "stop", "restart"]
PREFIX = "host-"
KINDS = ("host-start", "host-stop", "host-restart")
STATS = (
    "cpu", "cpus", "mem", "maxmem", "disk", "maxdisk", "netin", "netout", "diskread", "diskwrite", "uptime",
    "swap", "maxswap",
)  # fmt: skip


def host_operation(
    *, operation_id: str, vmid: int, action: HostAction, now: str, status: str = "running"
) -> dict[str, Any]:
    """Return the operation object of a 202 and of ``hostop:<vmid>``."""
    return {
        "id": operation_id,
        "vmid": vmid,
        "type": action,
        "status": status,
        "startedAt": now,
        "updatedAt": now,
    }


def host_stats(current: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of ``status/current`` that we show: numbers only."""
    return {
        key: current[key]
        for key in STATS
        if isinstance(current.get(key), int | float) and not isinstance(current[key], bool)
    }
