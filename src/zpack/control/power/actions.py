"""Power actions on a server the caller owns; ownership comes before any foreign call (row S54)."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from zpack.control.audit.store import record
from zpack.control.engine.budget import Budget
from zpack.control.engine.changes import Change
from zpack.control.operations.actions import new_operation_id
from zpack.control.outside.proxmox import Missing
from zpack.control.power.models import PREFIX, HostAction, host_operation, host_stats
from zpack.control.power.store import HostBusy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zpack.control.accounts.models import User
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.db.tables import ContainerInstance
    from zpack.control.engine.changes import Changes
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.instances.actions import Instances
    from zpack.control.operations.actions import Operations
    from zpack.control.outside.agent import Agents
    from zpack.control.outside.proxmox import Guest, Proxmox
    from zpack.control.power.store import HostOperations

READ_SECONDS = 10.0
LOOKS = 3
BUDGET = timedelta(minutes=5)


class Power:
    """Game and host power."""

    def __init__(
        self,
        *,
        database: Database,
        entitlements: Entitlements,
        instances: Instances,
        operations: Operations,
        running: HostOperations,
        agents: Agents,
        proxmox: Proxmox,
        changes: Changes,
    ) -> None:
        self._database = database
        self._entitlements = entitlements
        self._instances = instances
        self._operations = operations
        self._running = running
        self._agents = agents
        self._proxmox = proxmox
        self._changes = changes

    async def game(
        self, user: User, server_id: str, action: Literal["start", "stop", "restart"]
    ) -> dict[str, Any]:
        """Start, stop or restart the game.

        Raises ServerMissing, NoAddress, AccountSuspended, AgentRefused, ForeignError.
        """
        at = await self._instances.reach(user, server_id)
        if action != "stop":
            await self._entitlements.check_owner(at.owner, "start")
        async with self._database.transaction() as session:
            record(session, f"game.{action}", actor=user.id, vmid=at.vmid)
        await self._agents.power(at.ip, at.token, action)
        return {"ok": True}

    async def host(
        self, user: User, server_id: str, action: HostAction, *, request_id: str
    ) -> dict[str, Any]:
        """Begin a host operation and return it. Raises ServerMissing, AccountSuspended, HostBusy."""
        row = await self._instances.owned(user, server_id)
        if action != "stop":
            await self._entitlements.check_owner(row.customer_id, "start")
        return await self.begin(row, action, actor=user.id, request_id=request_id)

    async def begin(
        self,
        row: ContainerInstance,
        action: HostAction,
        *,
        actor: str,
        request_id: str,
        also: Callable[[AsyncSession, str], Awaitable[None]] | None = None,
    ) -> dict[str, Any]:
        """Begin a host operation for whoever may; ``also`` writes beside it, with its id. Raises HostBusy."""
        operation_id = new_operation_id()
        now = datetime.now(UTC).isoformat()
        operation = host_operation(operation_id=operation_id, vmid=row.vmid, action=action, now=now)
        if not await self._running.claim(row.vmid, operation):
            held = await self._running.get_one(row.vmid)
            raise HostBusy("A host operation is running already.", operation=held)
        try:
            async with self._database.transaction() as session:
                self._operations.begin(
                    session,
                    operation_id=operation_id,
                    kind=f"{PREFIX}{action}",
                    customer_id=row.customer_id,
                    request_id=request_id,
                    budget=BUDGET,
                    vmid=row.vmid,
                    hostname=row.hostname,
                    display_name=row.display_name,
                    state={"vmid": row.vmid, "hostop": operation, "customer_id": row.customer_id},
                )
                record(session, f"host.{action}", actor=actor, vmid=row.vmid, operation=operation_id)
                if also is not None:
                    await session.flush()
                    await also(session, operation_id)
        except BaseException:
            await self._running.release(row.vmid, operation_id)
            raise
        await self._running.hold(row.vmid, operation)
        self._operations.committed()
        await self._changes.tell(Change("server", str(row.vmid), row.customer_id))
        return operation

    async def host_status(self, user: User, server_id: str) -> dict[str, Any]:
        """Return ``{powerState, running, operation, stats…}`` (contract §8.1)."""
        row = await self._instances.owned(user, server_id)
        budget = Budget.seconds(READ_SECONDS)
        operation = await self._running.get_one(row.vmid)
        guest, current = await self._looked_at(row.vmid, budget)
        power = str(current.get("status", "stopped")) if guest else "missing"
        return {
            "vmid": row.vmid,
            "powerState": power,
            "running": power == "running",
            "operation": operation,
            "node": guest.node if guest else None,
            **host_stats(current),
        }

    async def _looked_at(self, vmid: int, budget: Budget) -> tuple[Guest | None, dict[str, Any]]:
        """Return where the container is and how; one that moves between look and call is followed."""
        for _ in range(LOOKS):
            guest = await self._proxmox.locate(vmid, budget)
            if guest is None:
                break
            with suppress(Missing):
                return guest, await self._proxmox.current(vmid=vmid, node=guest.node, budget=budget)
        return None, {}
