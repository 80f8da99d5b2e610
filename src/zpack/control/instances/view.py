"""The instances row as clients see it (contract §2.3, §3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from zpack.control.db.tables import ContainerInstance

SECRET = frozenset({"agent_token", "admin_pass"})


def instance_view(row: ContainerInstance) -> dict[str, Any]:
    """Return the ``ContainerInstance`` row; secrets of the payload never leave."""
    return {
        "vmid": row.vmid,
        "customerId": row.customer_id,
        "ctype": row.ctype,
        "hostname": row.hostname,
        "displayName": row.display_name,
        "ip": row.ip,
        "allocatedPorts": row.allocated_ports,
        "payload": {key: value for key, value in row.payload.items() if key not in SECRET},
        "agentState": row.agent_state,
        "agentLastSeen": _iso(row.agent_last_seen),
        "crashCount": row.crash_count,
        "lastCrashAt": _iso(row.last_crash_at),
        "engineType": row.engine_type,
        "engineVersion": row.engine_version,
        "createdAt": _iso(row.created_at),
        "updatedAt": _iso(row.updated_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
