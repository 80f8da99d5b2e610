"""The rows of ``/cluster/resources``, ``/nodes`` and ``/cluster/status``."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from zpack.localpve.node import Node

STORAGE = "local"
VERSION = {"version": "9.0.3", "release": "9.0", "repoid": "zpack-localpve"}


async def guest_rows(node: Node) -> list[dict[str, Any]]:
    """Return every container as ``/cluster/resources`` lists it."""
    rows: list[dict[str, Any]] = []
    for vmid in node.vmids():
        row = await node.current(vmid)
        kept = {
            k: row[k] for k in ("vmid", "name", "status", "type", "maxmem", "maxdisk", "mem", "disk", "cpu")
        }
        kept |= {k: row[k] for k in ("uptime", "netin", "netout", "diskread", "diskwrite") if k in row}
        kept |= {
            "id": f"lxc/{vmid}",
            "node": node.node_of(vmid),
            "maxcpu": row["cpus"],
            "template": row.get("template", 0),
        }
        if "tags" in row:
            kept["tags"] = row["tags"]
        rows.append(kept)
    return rows


def node_rows(node: Node) -> list[dict[str, Any]]:
    """Return the nodes as ``/nodes`` and ``/cluster/resources`` list them."""
    return [_node_row(name) for name in node.names]


def storage_rows(node: Node) -> list[dict[str, Any]]:
    """Return the storage as every node sees it: one disk, shared by all, since they are one machine."""
    disk = psutil.disk_usage("/")
    common = {
        "type": "storage",
        "storage": STORAGE,
        "plugintype": "dir",
        "content": "rootdir",
        "shared": 1,
        "status": "available",
        "maxdisk": disk.total,
        "disk": disk.used,
    }
    return [{**common, "id": f"storage/{name}/{STORAGE}", "node": name} for name in node.names]


def _node_row(name: str) -> dict[str, Any]:
    memory, disk = psutil.virtual_memory(), psutil.disk_usage("/")
    return {
        "id": f"node/{name}",
        "type": "node",
        "node": name,
        "status": "online",
        "maxcpu": os.cpu_count() or 1,
        "cpu": psutil.cpu_percent() / 100,
        "maxmem": memory.total,
        "mem": memory.used,
        "maxdisk": disk.total,
        "disk": disk.used,
        "uptime": int(time.time() - psutil.boot_time()),
        "level": "",
    }


def node_state() -> dict[str, Any]:
    """Return ``/nodes/{node}/status``: the machine's own figures."""
    memory, swap, disk, kernel = (
        psutil.virtual_memory(),
        psutil.swap_memory(),
        psutil.disk_usage("/"),
        os.uname(),
    )
    cpus = os.cpu_count() or 1
    return {
        "uptime": int(time.time() - psutil.boot_time()),
        "loadavg": [f"{load:.2f}" for load in os.getloadavg()],
        "cpu": psutil.cpu_percent() / 100,
        "wait": 0,
        "idle": 0,
        "cpuinfo": {
            "cpus": cpus,
            "cores": psutil.cpu_count(logical=False) or cpus,
            "sockets": 1,
            "model": "",
        },
        "memory": {
            "total": memory.total,
            "used": memory.used,
            "free": memory.free,
            "available": memory.available,
        },
        "swap": {"total": swap.total, "used": swap.used, "free": swap.free},
        "rootfs": {"total": disk.total, "used": disk.used, "free": disk.free, "avail": disk.free},
        "ksm": {"shared": 0},
        "kversion": f"{kernel.sysname} {kernel.release} {kernel.version}",
        "current-kernel": {
            "sysname": kernel.sysname,
            "release": kernel.release,
            "version": kernel.version,
            "machine": kernel.machine,
        },
        "pveversion": f"{VERSION['repoid']}/{VERSION['version']}",
    }


def cluster_rows(node: Node) -> list[dict[str, Any]]:
    """Return ``/cluster/status``."""
    return [
        {
            "id": f"node/{name}",
            "type": "node",
            "name": name,
            "nodeid": number if len(node.names) > 1 else 0,
            "local": 1 if name == node.name else 0,
            "online": 1,
            "ip": "127.0.0.1",
            "level": "",
        }
        for number, name in enumerate(node.names, start=1)
    ]
