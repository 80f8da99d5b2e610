"""Makes the proxy's table right again: after its restart, a changed address, or a crash of ours.

The proxy is read before our rows. So a name it listed without a row of ours can only be a leftover: a row is
always written before its name is registered.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from zpack.control.engine.changes import Change
from zpack.control.instances import store
from zpack.control.instances.models import is_ours
from zpack.control.publishing.models import MINECRAFT_PORT
from zpack.control.publishing.store import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zpack.control.db.session import Database
    from zpack.control.engine.changes import Changes
    from zpack.control.instances.models import EdgeIntent
    from zpack.control.outside.velocity import Velocity
    from zpack.control.publishing.store import Registrations

log = logging.getLogger("zpack.publishing")
AT_ONCE = 16


class EdgeReconciler:
    """Compares what is published with what the proxy lists; only the worker that is ``alone`` does it."""

    def __init__(
        self,
        *,
        database: Database,
        velocity: Velocity,
        registrations: Registrations,
        changes: Changes,
        alone: Callable[[], bool],
    ) -> None:
        self._database = database
        self._velocity = velocity
        self._registrations = registrations
        self._changes = changes
        self._alone = alone
        self._last: dict[str, str] | None = None

    async def tick(self) -> None:
        """Close the gap once. Raises ForeignError when the proxy is away."""
        if not self._alone():
            self._last = None
            return
        listed = await self._listed()
        rows = await self._rows()
        if listed is not None and await self._mended(rows, listed):
            listed = await self._listed()
        await self._remember(listed or {}, rows)

    async def _listed(self) -> dict[str, str] | None:
        """Return where the proxy leads, by name; None when it lists nothing it could be held to (row S35)."""
        backends = await self._velocity.backends()
        if backends is None:
            return None
        return {name: place_of(one["address"], one["port"]) for name, one in backends.items()}

    async def _rows(self) -> dict[str, EdgeIntent]:
        async with self._database.reading() as session:
            return {row.hostname: row for row in await store.list_edge_intents(session)}

    async def _mended(self, rows: Mapping[str, EdgeIntent], listed: Mapping[str, str]) -> bool:
        """Take off what must not be there, put on what must; say whether there was anything to do."""
        surplus = [name for name in listed if _is_surplus(name, rows.get(name))]
        missing = [r for r in rows.values() if r.published and listed.get(r.hostname) != _place(r)]
        gate = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for name in surplus:
                group.create_task(self._take_off(name, gate))
            for row in missing:
                group.create_task(self._put_on(row, gate, moved=row.hostname in listed))
        if missing:
            await self._confirm(missing, gate)
        return bool(surplus or missing)

    async def _take_off(self, name: str, gate: asyncio.Semaphore) -> None:
        async with gate:
            log.warning("unregistering %s: no server is to be reached by this name", name)
            await self._velocity.unregister(name)

    async def _put_on(self, row: EdgeIntent, gate: asyncio.Semaphore, *, moved: bool) -> None:
        """Register a server. One that moved is unregistered first, so that nobody is led to the old place."""
        async with gate:
            log.warning("registering %s again at %s", row.hostname, row.ip)
            if moved:
                await self._velocity.unregister(row.hostname)
            await self._velocity.register(name=row.hostname, address=row.ip or "", port=MINECRAFT_PORT)

    async def _confirm(self, missing: list[EdgeIntent], gate: asyncio.Semaphore) -> None:
        """Take off again what was unpublished, or moved, while we registered it.

        Whoever unpublishes writes that first and unregisters then. So either we see it here, or the
        unregistration comes after our registration.
        """
        rows = await self._rows()
        async with asyncio.TaskGroup() as group:
            for row in missing:
                if rows.get(row.hostname) != row:
                    group.create_task(self._take_off(row.hostname, gate))

    async def _remember(self, now: dict[str, str], rows: Mapping[str, EdgeIntent]) -> None:
        """Keep what the proxy lists for those who show it, and tell whose registration changed."""
        before, self._last = self._last, now
        if before == now and now and await self._registrations.known():
            await self._registrations.touch()
            return
        await self._registrations.replace(now)
        changed = {name for name, _ in set(now.items()) ^ set((before or {}).items())} if before else set()
        await self._changes.tell_all(
            Change("server", str(rows[name].vmid), rows[name].owner) for name in changed if name in rows
        )


def _place(row: EdgeIntent) -> str:
    return place_of(row.ip or "", MINECRAFT_PORT)


def _is_surplus(name: str, row: EdgeIntent | None) -> bool:
    """Say whether a registration must go: of ours without a row, or of a server that was unpublished.

    A row that is about to be published is neither; its registration may come a moment before its record.
    """
    return _looks_ours(name) if row is None else row.unpublished


def _looks_ours(name: str) -> bool:
    """Only names that end in a VMID of our ranges are ours to remove."""
    tail = name.rpartition("-")[2]
    return tail.isascii() and tail.isdigit() and len(tail) == 4 and is_ours(int(tail))  # noqa: PLR2004 - four digits
