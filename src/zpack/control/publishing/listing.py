"""What the game proxy lists, kept for those who show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.changes import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.engine.changes import Changes
    from zpack.control.instances.models import EdgeIntent
    from zpack.control.publishing.store import Registrations


class ProxyList:
    """Keeps the list in Redis and tells whose registration changed."""

    def __init__(self, *, registrations: Registrations, changes: Changes) -> None:
        self._registrations = registrations
        self._changes = changes
        self._last: Mapping[str, str] | None = None

    async def saw(self, listed: Mapping[str, str], rows: Mapping[str, EdgeIntent]) -> None:
        """Keep what is listed now."""
        before, self._last = self._last, listed
        if before == listed and listed and await self._registrations.known():
            await self._registrations.touch()
            return
        await self._registrations.replace(listed)
        changed = {name for name, _ in set(listed.items()) ^ set((before or {}).items())} if before else set()
        await self._changes.tell_all(
            Change("server", str(rows[name].vmid), rows[name].owner) for name in changed if name in rows
        )

    def blind(self) -> None:
        """Forget what was seen."""
        self._last = None
