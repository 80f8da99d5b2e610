"""A node and a container as administrators see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.instances.models import MARK, RANGES

if TYPE_CHECKING:
    from zpack.control.fleet.models import Row
    from zpack.control.outside.proxmox_facts import Guest, NodeFacts


def node_view(node: NodeFacts) -> dict[str, Any]:
    """Return a node of the cluster."""
    return {
        "name": node.name,
        "status": "online" if node.online else "offline",
        "cpu": round(node.load, 4),
        "maxCpu": node.cpus,
        "memory": node.memory_used,
        "maxMemory": node.memory,
        "disk": node.disk_used,
        "maxDisk": node.disk,
        "uptime": node.uptime,
    }


def container_view(vmid: int, guest: Guest | None, row: Row | None, *, missing: str) -> dict[str, Any]:
    """Return a container, of which at least one side knows; ``missing`` is its status without a guest."""
    ours = row is not None or (guest is not None and MARK in guest.tags)
    return {
        "vmid": vmid,
        "node": guest.node if guest else None,
        "name": guest.name if guest else (row.hostname if row else None),
        "status": guest.status if guest else missing,
        "template": guest.template if guest else False,
        "type": row.ctype if row else _type_of(vmid),
        "ours": ours,
        "serverId": str(vmid) if row else None,
        "ownerId": row.owner_id if row else None,
        "ownerName": row.owner if row else None,
        "hostname": row.hostname if row else None,
        "displayName": row.display_name if row else None,
        "state": row.agent_state if row else None,
        "heard": row.heard if row else None,
        "complaint": row.complaint if row else None,
        "suspended": row.suspended if row else False,
        "memory": guest.memory_used if guest else 0,
        "maxMemory": guest.memory if guest else 0,
        "maxDisk": guest.disk if guest else 0,
        "cpu": round(guest.load, 4) if guest else 0.0,
        "uptime": guest.uptime if guest else 0,
    }


def _type_of(vmid: int) -> str:
    return next((name for name, numbers in RANGES.items() if vmid in numbers), "other")
