"""Looks at the whole cluster every two seconds and tells what changed.

Only changes against our own last look are written. So a state that a power operation has just brought about
stays, although Proxmox's list of all containers may lag behind by some seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.budget import Budget
from zpack.control.engine.changes import Change
from zpack.control.hosts.store import HostState
from zpack.control.instances import store
from zpack.control.instances.models import is_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from zpack.control.db.session import Database
    from zpack.control.engine.changes import Changes
    from zpack.control.hosts.store import HostStates
    from zpack.control.outside.proxmox import Proxmox

LOOK_SECONDS = 8.0


class ClusterWatch:
    """Keeps the host states; only the worker that is ``alone`` does it."""

    def __init__(
        self,
        *,
        database: Database,
        proxmox: Proxmox,
        states: HostStates,
        changes: Changes,
        alone: Callable[[], bool],
    ) -> None:
        self._database = database
        self._proxmox = proxmox
        self._states = states
        self._changes = changes
        self._alone = alone
        self._last: dict[int, HostState] | None = None

    async def tick(self) -> None:
        """Look once. Raises ForeignError when Proxmox is away; what was known then runs out."""
        if not self._alone():
            self._last = None
            return
        guests = await self._proxmox.guests(Budget.seconds(LOOK_SECONDS))
        now = {g.vmid: HostState(g.status, g.node) for g in guests.values() if is_ours(g.vmid)}
        before = self._last
        if before is None or not await self._states.looked():
            await self._states.replace(now)
            moved = set(now) | set(before or ())
        else:
            changed = {vmid: state for vmid, state in now.items() if before.get(vmid) != state}
            gone = before.keys() - now.keys()
            await self._states.update(changed, gone)
            moved = changed.keys() | gone
        self._last = now
        if before is not None and moved:
            await self._tell(moved)

    async def _tell(self, vmids: Collection[int]) -> None:
        async with self._database.reading() as session:
            owners = await store.list_owners(session, vmids)
        await self._changes.tell_all(Change("server", str(vmid), owner) for vmid, owner in owners.items())
