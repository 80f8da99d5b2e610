"""What a host operation does, step by step. The last thing it does, or undoes, is to give the key back."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from zpack.control.engine.backoff import pauses
from zpack.control.engine.budget import Budget
from zpack.control.engine.changes import Change
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.hosts.store import HostState
from zpack.control.instances import store
from zpack.control.operations.notes import OperationNote, warned
from zpack.control.outside.proxmox import Denied, Missing, following
from zpack.control.outside.proxmox_errors import TookTooLong
from zpack.control.power.store import HostBusy

if TYPE_CHECKING:
    from zpack.control.db.session import Database
    from zpack.control.engine.changes import Changes
    from zpack.control.engine.steps import State
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.hosts.store import HostStates
    from zpack.control.outside.proxmox import Proxmox
    from zpack.control.power.store import HostOperations

log = logging.getLogger("zpack.power")
SHUTDOWN_SECONDS = 60
CALL_SECONDS = 90
ADDRESS_SECONDS = 45.0


class HostMissing(Refusal):
    """The cluster has no container of this VMID."""

    kind = "not_found"
    code = "host_not_found"


class PowerSteps:
    """Host start, stop and restart on Proxmox."""

    def __init__(
        self,
        *,
        database: Database,
        entitlements: Entitlements,
        proxmox: Proxmox,
        running: HostOperations,
        hosts: HostStates,
        changes: Changes,
        shutdown_seconds: int = SHUTDOWN_SECONDS,
    ) -> None:
        self._database = database
        self._entitlements = entitlements
        self._proxmox = proxmox
        self._running = running
        self._hosts = hosts
        self._changes = changes
        self._shutdown_seconds = shutdown_seconds

    async def start(self, state: State) -> State | None:
        """Start the container where it really is, unless its owner was suspended since it was asked for."""
        await self._entitlements.check_owner(state.get("customer_id"), "start")
        node, budget = await self._locate(state)
        with following():
            warning = await self._proxmox.start(
                vmid=state["vmid"], node=node, budget=budget, note=self._note(state)
            )
        await self._hosts.put(state["vmid"], HostState("running", node))
        return warned(state, warning)

    async def stop(self, state: State) -> State | None:
        """Shut the container down; stop it hard when it does not end by itself.

        A shutdown that could not be asked for, or may go on, is no reason to stop hard: it is tried again.
        """
        node, budget = await self._locate(state)
        vmid, seconds, note = state["vmid"], self._shutdown_seconds, self._note(state)
        with following():
            try:
                warning = await self._proxmox.shutdown(
                    vmid=vmid, node=node, seconds=seconds, budget=budget, note=note
                )
            except (Missing, Denied):
                raise
            except ForeignError as failure:
                if failure.transient and not isinstance(failure, TookTooLong):
                    raise
                warning = await self._proxmox.stop(vmid=vmid, node=node, budget=budget, note=note)
        await self._hosts.put(vmid, HostState("stopped", node))
        return warned(state, warning)

    async def note_address(self, state: State) -> State | None:
        """Note the container's address, which a start may have changed; without one the old stays."""
        try:
            async with asyncio.timeout(ADDRESS_SECONDS):
                ip = await self._address(state)
        except (TimeoutError, ForeignError) as failure:
            log.warning("CT %s: its address after the start is not known: %s", state["vmid"], failure)
            return None
        async with self._database.transaction() as session:
            row = await store.find(session, state["vmid"])
            if row is not None and row.ip != ip:
                await store.update_instance(session, state["vmid"], ip=ip)
                log.warning("CT %s moved from %s to %s", state["vmid"], row.ip, ip)
        return None

    async def release(self, state: State) -> State | None:
        """Give the key back."""
        await self._running.release(state["vmid"], state["operation_id"])
        await self._changes.tell(Change("server", str(state["vmid"]), state.get("customer_id")))
        return None

    async def undo(self, state: State) -> None:
        """Give the key back after a failure; the host stays as it is, and its status says how."""
        await self.release(state)

    def _note(self, state: State) -> OperationNote:
        return OperationNote(database=self._database, operation_id=state["operation_id"])

    async def _address(self, state: State) -> str:
        for pause in pauses(first=0.1, cap=3.0):
            node, budget = await self._locate(state)
            ip = await self._proxmox.address(vmid=state["vmid"], node=node, budget=budget)
            if ip:
                return ip
            await asyncio.sleep(pause)
        raise AssertionError  # pauses never end

    async def _locate(self, state: State) -> tuple[str, Budget]:
        """Return where the container is now, holding the key. Raises HostBusy, HostMissing."""
        operation = state.get("hostop")
        if operation is not None and not await self._running.hold(state["vmid"], operation):
            held = await self._running.get_one(state["vmid"])
            raise HostBusy("Another host operation is running.", operation=held)
        budget = Budget.seconds(CALL_SECONDS + self._shutdown_seconds)
        guest = await self._proxmox.locate(state["vmid"], budget)
        if guest is None:
            raise HostMissing("The cluster has no such container.")
        return guest.node, budget
