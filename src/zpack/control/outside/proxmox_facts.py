"""What Proxmox's rows say, read without trusting their shape: pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

Timeframe = Literal["hour", "day", "week", "month", "year"]
VOLUME = re.compile(r"(?:volume=)?([^:,\s]+):")


@dataclass(frozen=True)
class Guest:
    """A container as the cluster lists it. ``node`` is where it really is."""

    vmid: int
    node: str
    status: str
    name: str
    template: bool
    tags: frozenset[str] = frozenset()
    memory: int = 0
    """Bytes it may use."""
    disk: int = 0
    """Bytes of its root file system."""
    memory_used: int = 0
    load: float = 0.0
    """The share of its processors in use."""
    uptime: int = 0
    """Seconds."""


@dataclass(frozen=True)
class NodeFacts:
    """A node as the cluster lists it. Sizes are bytes; ``load`` is the share of its processors in use."""

    name: str
    online: bool
    memory: int
    memory_used: int
    cpus: int
    load: float
    disk: int = 0
    disk_used: int = 0
    uptime: int = 0


@dataclass(frozen=True)
class StorageFacts:
    """A storage as one node sees it."""

    name: str
    node: str
    usable: bool
    shared: bool
    size: int
    used: int


@dataclass(frozen=True)
class Resources:
    """Everything the cluster lists at one moment."""

    guests: dict[int, Guest] = field(default_factory=dict[int, Guest])
    nodes: dict[str, NodeFacts] = field(default_factory=dict[str, NodeFacts])
    storages: dict[tuple[str, str], StorageFacts] = field(default_factory=dict[tuple[str, str], StorageFacts])
    """By node and name."""


@dataclass(frozen=True)
class TaskRow:
    """A task as a node lists it; ``ended`` is its exit status, None while it runs."""

    upid: str
    kind: str
    id: str
    started: int
    ended: str | None


def read_resources(rows: Any) -> Resources:
    """Return what ``/cluster/resources`` lists."""
    found = Resources()
    for row in _objects(rows):
        kind, node = row.get("type"), row.get("node")
        if not isinstance(node, str):
            continue
        if kind == "lxc" and _is_number(row.get("vmid")):
            found.guests[int(row["vmid"])] = _guest(row, node)
        elif kind == "node":
            found.nodes[node] = _node(row, node)
        elif kind == "storage" and isinstance(row.get("storage"), str):
            found.storages[node, row["storage"]] = _storage(row, node)
    return found


def read_tasks(rows: Any) -> list[TaskRow]:
    """Return what ``/nodes/{node}/tasks`` lists, newest first."""
    return [
        TaskRow(
            upid=row["upid"],
            kind=str(row.get("type", "")),
            id=str(row.get("id", "")),
            started=_whole(row.get("starttime")),
            ended=str(row["status"]) if "status" in row else ("" if "endtime" in row else None),
        )
        for row in _objects(rows)
        if isinstance(row.get("upid"), str)
    ]


def first_address(rows: Any) -> str | None:
    """Return the first usable IPv4 address of ``GET …/interfaces``, in the 8.1 or the 9.x shape."""
    for row in _objects(rows):
        if row.get("name") == "lo":
            continue
        if isinstance(row.get("inet"), str) and row["inet"]:
            return row["inet"].partition("/")[0]
        for entry in _objects(row.get("ip-addresses")):
            if entry.get("ip-address-type") in {"inet", "ipv4"}:
                return str(entry.get("ip-address", "")).partition("/")[0] or None
    return None


def tags_of(text: Any) -> frozenset[str]:
    """Return the tags of a row, which Proxmox joins with semicolons."""
    return frozenset(filter(None, re.split(r"[;,\s]", text))) if isinstance(text, str) else frozenset()


def storages_of(config: dict[str, Any]) -> frozenset[str]:
    """Return the storages that a container's volumes lie on; bind mounts lie on none."""
    volumes = [str(text) for key, text in config.items() if re.fullmatch(r"rootfs|mp\d+", key)]
    return frozenset(match[1] for text in volumes if (match := VOLUME.match(text)))


def warnings_of(rows: Any) -> list[str]:
    """Return the warnings in a task's log."""
    lines = [str(row.get("t", "")) for row in _objects(rows)]
    return [line.removeprefix("WARN:").strip() for line in lines if line.startswith("WARN:")]


def objects(rows: Any) -> list[dict[str, Any]]:
    """Return the rows that are objects."""
    return list(_objects(rows))


def _guest(row: dict[str, Any], node: str) -> Guest:
    return Guest(
        vmid=int(row["vmid"]),
        node=node,
        status=str(row.get("status", "unknown")),
        name=str(row.get("name", "")),
        template=bool(row.get("template")),
        tags=tags_of(row.get("tags")),
        memory=_whole(row.get("maxmem")),
        disk=_whole(row.get("maxdisk")),
        memory_used=_whole(row.get("mem")),
        load=_share(row.get("cpu")),
        uptime=_whole(row.get("uptime")),
    )


def _node(row: dict[str, Any], node: str) -> NodeFacts:
    return NodeFacts(
        name=node,
        online=row.get("status") == "online",
        memory=_whole(row.get("maxmem")),
        memory_used=_whole(row.get("mem")),
        cpus=_whole(row.get("maxcpu")),
        load=_share(row.get("cpu")),
        disk=_whole(row.get("maxdisk")),
        disk_used=_whole(row.get("disk")),
        uptime=_whole(row.get("uptime")),
    )


def _storage(row: dict[str, Any], node: str) -> StorageFacts:
    return StorageFacts(
        name=row["storage"],
        node=node,
        usable=row.get("status", "available") == "available",
        shared=bool(row.get("shared")),
        size=_whole(row.get("maxdisk")),
        used=_whole(row.get("disk")),
    )


def _objects(rows: Any) -> Iterator[dict[str, Any]]:
    return (row for row in (rows if isinstance(rows, list) else ()) if isinstance(row, dict))


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _share(value: Any) -> float:
    return float(value) if _is_number(value) and math.isfinite(value) else 0.0


def _whole(value: Any) -> int:
    return int(value) if _is_number(value) and 0 <= value < math.inf else 0
