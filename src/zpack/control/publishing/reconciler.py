"""Makes the proxy's table right again: after its restart, a changed address, or a crash of ours.

The proxy is read before our rows. So a name it listed without a row of ours can only be a leftover: a row is
always written before its name is registered.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from zpack.control.instances import store
from zpack.control.instances.models import is_ours
from zpack.control.publishing.actions import MINECRAFT_PORT

if TYPE_CHECKING:
    from zpack.control.db.session import Database
    from zpack.control.db.tables import ContainerInstance
    from zpack.control.outside.velocity import Velocity
    from zpack.wire.edge import Backend

log = logging.getLogger("zpack.publishing")


class EdgeReconciler:
    """Compares what is published with what the proxy lists."""

    def __init__(self, *, database: Database, velocity: Velocity) -> None:
        self._database = database
        self._velocity = velocity

    async def tick(self) -> None:
        """Close the gap once. Raises ForeignError when the proxy is away."""
        listed = await self._velocity.backends()
        if listed is None:
            return
        async with self._database.transaction() as session:
            rows = {row.hostname: row for row in await store.list_all(session)}
        for name in listed:
            if name not in rows and _looks_ours(name):
                log.warning("unregistering %s: no server has this name", name)
                await self._velocity.unregister(name)
        for name, row in rows.items():
            await self._mend(name, row, listed.get(name))

    async def _mend(self, name: str, row: ContainerInstance, backend: Backend | None) -> None:
        published = (row.payload.get("edge") or {}).get("state") == "published"
        if not published or not row.ip:
            return
        if backend is not None and (backend["address"], backend["port"]) == (row.ip, MINECRAFT_PORT):
            return
        if backend is not None:
            await self._velocity.unregister(name)
        log.warning("registering %s again at %s", name, row.ip)
        await self._velocity.register(name=name, address=row.ip, port=MINECRAFT_PORT)


def _looks_ours(name: str) -> bool:
    """Only names that end in a VMID of our ranges are ours to remove."""
    tail = name.rpartition("-")[2]
    return tail.isascii() and tail.isdigit() and len(tail) == 4 and is_ours(int(tail))  # noqa: PLR2004 - four digits
