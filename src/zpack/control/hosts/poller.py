"""Looks at the whole cluster every two seconds and tells what changed.

Only changes against our own last look are written. So a state that an operation has just brought about and
noted stays, although Proxmox's list of all containers may lag behind by some seconds; after those seconds the
list is believed. Of a container that was noted while we looked, the next look tells.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zpack.control.engine.budget import Budget
from zpack.control.engine.changes import Change
from zpack.control.hosts.store import HostState
from zpack.control.instances import store
from zpack.control.instances.models import is_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from zpack.control.db.session import Database
    from zpack.control.engine.changes import Changes
    from zpack.control.hosts.store import HostStates
    from zpack.control.outside.proxmox import Proxmox

LOOK_SECONDS = 8.0
LAG_SECONDS = 10.0
"""How often the nodes of Proxmox tell each other of their containers."""


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
        began, before = time.time(), self._last
        guests = await self._proxmox.guests(Budget.seconds(LOOK_SECONDS))
        now = {g.vmid: HostState(g.status, g.node) for g in guests.values() if is_ours(g.vmid)}
        noted = {vmid: began - at for vmid, at in (await self._states.noted()).items()}
        meanwhile = {vmid for vmid, age in noted.items() if age <= 0}
        settled = {vmid for vmid, age in noted.items() if age > LAG_SECONDS}
        if before is None or not await self._states.looked():
            moved = await self._states.known() | now.keys()
        else:
            new = noted.keys() - before.keys()
            moved = _differing(before, now) - new | settled
        moved -= meanwhile
        await self._states.update({vmid: now.get(vmid) for vmid in moved}, settled)
        earlier = {vmid: state for vmid, state in (before or {}).items() if vmid in meanwhile}
        self._last = {vmid: state for vmid, state in now.items() if vmid not in meanwhile} | earlier
        if before is not None and moved:
            await self._tell(moved)

    async def _tell(self, vmids: Collection[int]) -> None:
        async with self._database.reading() as session:
            owners = await store.list_owners(session, vmids)
        await self._changes.tell_all(Change("server", str(vmid), owner) for vmid, owner in owners.items())


def _differing(before: Mapping[int, HostState], now: Mapping[int, HostState]) -> set[int]:
    return {vmid for vmid in before.keys() | now.keys() if before.get(vmid) != now.get(vmid)}
