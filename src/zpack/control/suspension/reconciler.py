"""Makes the world follow the standings: suspended accounts' servers are down, others are as they were.

It reads the whole intent, looks, does one thing per server and comes round again. What it began is written in
the same transaction as what it remembers of it, so that a crash in between repeats nothing.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from zpack.control.engine.budget import Budget
from zpack.control.engine.changes import Change
from zpack.control.engine.errors import ForeignError
from zpack.control.instances import store as instances
from zpack.control.outside.proxmox import Missing
from zpack.control.power.store import HostBusy
from zpack.control.suspension import store
from zpack.control.suspension.models import next_move

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.engine.changes import Changes
    from zpack.control.hosts.store import HostStates
    from zpack.control.outside.proxmox import Proxmox
    from zpack.control.power.actions import Power
    from zpack.control.publishing.actions import Publishing
    from zpack.control.suspension.models import Concerned

log = logging.getLogger("zpack.suspension")
ACTOR = "billing"
AT_ONCE = 8
LOOK_SECONDS = 10.0


class SuspensionReconciler:
    """Stops, takes off the edge, and brings back; only the worker that is ``alone`` does it."""

    def __init__(
        self,
        *,
        database: Database,
        proxmox: Proxmox,
        power: Power,
        publishing: Publishing,
        hosts: HostStates,
        changes: Changes,
        alone: Callable[[], bool],
    ) -> None:
        self._database = database
        self._proxmox = proxmox
        self._power = power
        self._publishing = publishing
        self._hosts = hosts
        self._changes = changes
        self._alone = alone

    async def tick(self) -> None:
        """Close the gap once. One server that cannot be helped now does not keep the others waiting."""
        if not self._alone():
            return
        async with self._database.reading() as session:
            servers = await store.list_concerned(session)
        if not servers:
            return
        await self._keep([server for server in servers if server.suspended and not server.kept])
        running = await self._hosts.running([server.vmid for server in servers])
        gate = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for server in servers:
                group.create_task(self._settle(server, gate, running=server.vmid in running))

    async def _keep(self, servers: Sequence[Concerned]) -> None:
        if not servers:
            return
        async with self._database.transaction() as session:
            await store.keep(session, [server.vmid for server in servers])
        await self._changes.tell_all(Change("server", str(s.vmid), s.owner) for s in servers)

    async def _settle(self, server: Concerned, gate: asyncio.Semaphore, *, running: bool) -> None:
        async with gate:
            try:
                await self._settle_edge(server)
            except ForeignError as failure:  # the record is written; the edge's own reconciler does the rest
                log.warning("CT %s on the edge: %s", server.vmid, failure.message)
            try:
                await self._settle_power(server, running=running)
            except HostBusy:
                log.info("CT %s has another host operation; later", server.vmid)
            except ForeignError as failure:
                log.warning("CT %s: %s", server.vmid, failure.message)

    async def _settle_edge(self, server: Concerned) -> None:
        if server.suspended and server.on_edge and not server.off_edge:
            await self._publishing.suspend(vmid=server.vmid, hostname=server.hostname)
        elif not server.suspended and server.off_edge:
            await self._publishing.resume(vmid=server.vmid)

    async def _settle_power(self, server: Concerned, *, running: bool) -> None:
        move = next_move(server, running=running, now=datetime.now(UTC))
        if move == "forget":
            await self._forget(server)
        elif move is not None:
            await self._begin(server, move)

    async def _begin(self, server: Concerned, action: Literal["stop", "start"]) -> None:
        """Begin a host operation, unless a closer look says that there is nothing to do."""
        power = await self._power_of(server.vmid)
        if action == "start" and power in {None, "running"}:
            await self._forget(server)
        if power != ("running" if action == "stop" else "stopped"):
            return
        async with self._database.reading() as session:
            row = await instances.find(session, server.vmid)
        if row is None:
            return

        async def also(session: AsyncSession, operation_id: str) -> None:
            ran = True if action == "stop" else None
            failed = server.operation_status in {"failed", "cancelled"}
            failures = server.failures + 1 if failed else 0
            await store.note_operation(session, server.vmid, operation_id, failures=failures, was_running=ran)

        log.warning("CT %s of %s: %s", server.vmid, server.owner, action)
        request_id = f"sus_{secrets.token_hex(8)}"
        await self._power.begin(row, action, actor=ACTOR, request_id=request_id, also=also)

    async def _power_of(self, vmid: int) -> str | None:
        """Return the container's state in Proxmox's word; None: there is no such container."""
        budget = Budget.seconds(LOOK_SECONDS)
        guest = await self._proxmox.locate(vmid, budget)
        with suppress(Missing):
            if guest is not None:
                found = await self._proxmox.current(vmid=vmid, node=guest.node, budget=budget)
                return str(found.get("status", "unknown"))
        return None

    async def _forget(self, server: Concerned) -> None:
        async with self._database.transaction() as session:
            await store.forget(session, server.vmid)
        await self._changes.tell(Change("server", str(server.vmid), server.owner))
