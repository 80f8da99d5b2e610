"""Gathers what the stores know about servers and shows it (contract §3.6, §2.4.1)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.status.merge import Observed, agent_ready, host_status, merge_connection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zpack.control.accounts.models import User
    from zpack.control.db.tables import ContainerInstance
    from zpack.control.heartbeat.store import AgentWords
    from zpack.control.instances.actions import Instances
    from zpack.control.outside.proxmox import Guest, Proxmox
    from zpack.control.outside.velocity import Velocity
    from zpack.control.power.store import HostOperations
    from zpack.wire.edge import Backend

log = logging.getLogger("zpack.status")
LOOK_SECONDS = 3.0
PASSED_ON = (
    "state", "processRunning", "readySource", "readyError", "lastReadyAt", "installStep", "crashCount",
    "lastCrashTime", "lastCrashExitCode", "lastCrashSignal", "lastCrashUptimeSeconds", "lastCrashLogTail",
    "error", "operationInProgress", "operationType", "operationStartedAt", "operationMessage", "maintenance",
)  # fmt: skip


class Servers:
    """The server list and one server's live status."""

    def __init__(
        self,
        *,
        instances: Instances,
        words: AgentWords,
        running: HostOperations,
        proxmox: Proxmox,
        velocity: Velocity,
        domain: str,
    ) -> None:
        self._instances = instances
        self._words = words
        self._running = running
        self._proxmox = proxmox
        self._velocity = velocity
        self._domain = domain

    async def listed(self, user: User) -> list[dict[str, Any]]:
        """Return the caller's servers, oldest first."""
        return await self._views(await self._instances.visible(user))

    async def one(self, user: User, server_id: str) -> dict[str, Any]:
        """Return one server of the caller's. Raises ServerMissing."""
        return (await self._views([await self._instances.owned(user, server_id)]))[0]

    async def status(self, user: User, server_id: str) -> dict[str, Any]:
        """Return one server with the agent's fields and the edge's records. Raises ServerMissing."""
        row = await self._instances.owned(user, server_id)
        view = (await self._views([row]))[0]
        word = await self._words.get_one(row.vmid) or {}
        agent = {key: word[key] for key in PASSED_ON if key in word}
        return {
            **agent,
            **view,
            "edge": row.payload.get("edge"),
            "proxy": row.payload.get("proxy"),
            "connectable": view["connection"]["connectable"],
            "players": word.get("players"),
        }

    async def players(self, user: User, server_id: str) -> dict[str, Any]:
        """Return ``{online, max, players}`` from the agent's last word (contract §9.4)."""
        row = await self._instances.owned(user, server_id)
        word = await self._words.get_one(row.vmid) or {}
        return word.get("players") or {"online": 0, "max": 0, "players": []}

    async def _views(self, rows: Sequence[ContainerInstance]) -> list[dict[str, Any]]:
        vmids = [row.vmid for row in rows]
        words = await self._words.get_many(vmids)
        running = await self._running.get_many(vmids)
        guests = await self._guests() if rows else {}
        backends = await self._backends() if rows else None
        return [
            _server_view(
                row,
                word=words[row.vmid],
                operation=running[row.vmid],
                guests=guests,
                backends=backends,
                domain=self._domain,
            )
            for row in rows
        ]

    async def _guests(self) -> dict[int, Guest] | None:
        """Return the cluster's containers, or None when Proxmox is away: then power is unknown."""
        try:
            return await self._proxmox.guests(Budget.seconds(LOOK_SECONDS))
        except ForeignError as failure:
            log.warning("host states unknown: %s", failure.message)
            return None

    async def _backends(self) -> dict[str, Backend] | None:
        try:
            return await self._velocity.backends()
        except ForeignError as failure:
            log.warning("registrations unknown: %s", failure.message)
            return None


def _server_view(
    row: ContainerInstance,
    *,
    word: dict[str, Any] | None,
    operation: dict[str, Any] | None,
    guests: dict[int, Guest] | None,
    backends: dict[str, Backend] | None,
    domain: str,
) -> dict[str, Any]:
    power = None if guests is None else (guests[row.vmid].status if row.vmid in guests else "stopped")
    seen = Observed(
        agent=word,
        edge=_object(row.payload.get("edge")),
        proxy=_object(row.payload.get("proxy")),
        registered=(row.hostname in backends) if backends else None,
        power=power,
        host_operation=operation,
    )
    connection = merge_connection(seen)
    known = word or {}
    ready = agent_ready(word)
    return {
        "id": str(row.vmid),
        "vmid": row.vmid,
        "name": row.hostname,
        "category": row.ctype.upper(),
        "runtime": row.payload.get("game") or row.payload.get("runtime") or "unknown",
        "flavor": row.payload.get("variant") or row.payload.get("runtime"),
        "version": row.payload.get("version") or "unknown",
        "status": str(known.get("state") or "stopped") if power == "running" or power is None else "stopped",
        "hostStatus": host_status(power, operation),
        "hostOnline": power == "running",
        "powerState": power,
        "hostOperation": operation,
        "agentStatus": "online" if known.get("hostOnline") else "offline",
        "agentReady": ready,
        "ready": ready,
        "installStep": known.get("installStep"),
        "crashCount": known.get("crashCount") or 0,
        "lastSeen": known.get("lastSeen"),
        "operationInProgress": known.get("operationInProgress") is True,
        "operationType": known.get("operationType"),
        "maintenance": known.get("maintenance") is True,
        "connection": connection,
        "address": f"{row.hostname}.{domain}",
        "ip": row.ip,
        "plan": None,
        "suspended": False,
        "createdAt": row.created_at.isoformat(),
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
