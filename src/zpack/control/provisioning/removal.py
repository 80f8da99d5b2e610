"""The steps of a delete (contract §2.6). It only goes forward: each step is fine with being late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import Refusal
from zpack.control.instances import store
from zpack.control.operations.notes import OperationNote, warned
from zpack.control.outside.proxmox import following
from zpack.control.provisioning.steps import TASK_SECONDS, is_removable
from zpack.control.routing import store as routing

if TYPE_CHECKING:
    from zpack.control.db.session import Database
    from zpack.control.engine.steps import State
    from zpack.control.heartbeat.store import AgentWords
    from zpack.control.outside.proxmox import Proxmox
    from zpack.control.publishing.actions import Publishing


class NotOurs(Refusal):
    """The container does not carry our mark."""

    kind = "conflict"
    code = "container_not_ours"


class DeleteSteps:
    """What a delete does to the world."""

    def __init__(
        self, *, database: Database, proxmox: Proxmox, publishing: Publishing, words: AgentWords
    ) -> None:
        self._database = database
        self._proxmox = proxmox
        self._publishing = publishing
        self._words = words

    async def archive_instance(self, state: State) -> State | None:
        """Write the archive row, once per operation."""
        async with self._database.transaction() as session:
            row = await store.find(session, state["vmid"])
            if row is None:
                return None
            archived = await store.archive(
                session, row, reason="api_delete", operation_id=state["operation_id"]
            )
        return {"archived": archived, "published": row.ctype == "game"}

    async def unpublish_edge(self, state: State) -> State | None:
        """Take the name off the edge before the container goes."""
        if state.get("published"):
            await self._publishing.unpublish(vmid=state["vmid"], hostname=state["hostname"])
        return None

    async def delete_container(self, state: State) -> State | None:
        """Stop and delete the container, wherever it is. Raises NotOurs."""
        budget = Budget.seconds(TASK_SECONDS)
        guest = await self._proxmox.locate(state["vmid"], budget)
        if guest is None:
            return None
        note = OperationNote(database=self._database, operation_id=state["operation_id"])
        with following():
            if not await is_removable(self._proxmox, guest):
                raise NotOurs(f"Container {guest.vmid} does not carry our mark; it was left alone.")
            stopped = await self._proxmox.stop(vmid=guest.vmid, node=guest.node, budget=budget, note=note)
            deleted = await self._proxmox.delete(vmid=guest.vmid, node=guest.node, budget=budget, note=note)
        return warned(state, stopped, deleted)

    async def remove_instance(self, state: State) -> State | None:
        """Delete the row, give its public ports back, and forget what Redis remembers."""
        async with self._database.transaction() as session:
            row = await store.find(session, state["vmid"])
            if row is not None:
                await routing.release(session, str(row.payload.get("agent_seed", "")))
            await store.delete_instance(session, state["vmid"])
        await self._words.remove(state["vmid"])
        return None
