"""What a host operation does, step by step. The last thing it does, or undoes, is to give the key back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError, Refusal

if TYPE_CHECKING:
    from zpack.control.engine.steps import State
    from zpack.control.outside.proxmox import Proxmox
    from zpack.control.power.store import HostOperations

SHUTDOWN_SECONDS = 60
CALL_SECONDS = 150


class HostMissing(Refusal):
    """The cluster has no container of this VMID."""

    kind = "not_found"
    code = "host_not_found"


class PowerSteps:
    """Host start, stop and restart on Proxmox."""

    def __init__(self, *, proxmox: Proxmox, running: HostOperations) -> None:
        self._proxmox = proxmox
        self._running = running

    async def start(self, state: State) -> State | None:
        """Start the container where it really is."""
        node, budget = await self._locate(state)
        await self._proxmox.start(vmid=state["vmid"], node=node, budget=budget)
        return None

    async def stop(self, state: State) -> State | None:
        """Shut the container down; stop it hard when it does not end by itself."""
        node, budget = await self._locate(state)
        vmid = state["vmid"]
        try:
            await self._proxmox.shutdown(vmid=vmid, node=node, seconds=SHUTDOWN_SECONDS, budget=budget)
        except ForeignError:
            await self._proxmox.stop(vmid=vmid, node=node, budget=budget)
        return None

    async def release(self, state: State) -> State | None:
        """Give the key back."""
        await self._running.release(state["vmid"], state["operation_id"])
        return None

    async def undo(self, state: State) -> None:
        """Give the key back after a failure; the host stays as it is, and its status says how."""
        await self.release(state)

    async def _locate(self, state: State) -> tuple[str, Budget]:
        budget = Budget.seconds(CALL_SECONDS)
        guest = await self._proxmox.locate(state["vmid"], budget)
        if guest is None:
            raise HostMissing("The cluster has no such container.")
        return guest.node, budget
