"""Makes one link right again: after its restart, a changed address, an outage, or a crash of ours.

The system is read before our rows. So a name it listed without a row of ours can only be a leftover: a row is
always written before its name is published.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Any

from zpack.control.engine.mass import is_mass
from zpack.control.instances import store
from zpack.control.publishing.fanout import ask
from zpack.control.publishing.links import DOORS
from zpack.control.publishing.outcomes import IDLE, path_of
from zpack.control.publishing.places import vmid_in
from zpack.control.publishing.removals import ACTOR, Removal
from zpack.control.publishing.rounds import Fuse, Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from zpack.control.db.session import Database
    from zpack.control.instances.models import EdgeIntent
    from zpack.control.publishing.actions import Publishing
    from zpack.control.publishing.fanout import Outcome
    from zpack.control.publishing.links import Link
    from zpack.control.publishing.models import Place
    from zpack.control.publishing.places import Places
    from zpack.control.publishing.removals import Ledger
    from zpack.control.publishing.rounds import Rhythm, Watcher

log = logging.getLogger("zpack.publishing")
PAUSE_MOST = 600.0


class LinkReconciler:
    """Compares one link with our rows and closes the gap; only the worker that is ``alone`` does it."""

    def __init__(
        self,
        *,
        database: Database,
        link: Link,
        publishing: Publishing,
        places: Places,
        rhythm: Rhythm,
        ledger: Ledger,
        alone: Callable[[], bool],
        watcher: Watcher | None = None,
    ) -> None:
        self.link = link
        self.rhythm = rhythm
        self._ledger = ledger
        self._database = database
        self._publishing = publishing
        self._places = places
        self._alone = alone
        self._watcher = watcher
        self._list_at = 0.0
        self._later: dict[str, tuple[int, float]] = {}

    async def tick(self) -> None:
        """Close the gap once. Raises ForeignError when the system is away."""
        if not self._alone():
            if self._watcher is not None:
                self._watcher.blind()
            return
        listed = await self.listed()
        rows = await self.rows()
        gap = await self.believed(self._gap(rows, listed), listed or {})
        await self.close(gap, listed or {})
        if self._watcher is None:
            return
        if gap and listed is not None:
            listed = await self.link.listed()
        await self._watcher.saw(listed or {}, rows)

    def gap(self, rows: Mapping[str, EdgeIntent], listed: Mapping[str, str] | None) -> Gap:
        """Return what differs between rows and link. ``listed`` None: only what our records say counts."""
        gap = Gap()
        for row in rows.values():
            held = listed.get(row.hostname) if listed is not None else None
            if self.is_on(row):
                place = self._places.of_intent(row)
                if row.link != "published" or (listed is not None and held != self.link.wanted(place)):
                    gap.put.append(row)
            elif self._is_off(row) and (held is not None or _may_hold(row)):
                gap.drop.append((row.hostname, row))
        strangers = set(listed or {}) - set(rows)
        gap.drop += [(name, None) for name in sorted(strangers) if vmid_in(name) is not None]
        return gap

    async def believed(self, gap: Gap, listed: Mapping[str, str]) -> Gap:
        """Return the gap without names that are too many to be leftovers; they are withheld.

        A name of a deleted server is explained by the archive. When most of what is listed is explained by
        nothing, our record is old, or the names are another's: taking them off would cut off players.
        """
        strangers = {name for name, row in gap.drop if row is None}
        if not is_mass(len(strangers), sum(vmid_in(name) is not None for name in listed)):
            return gap
        withheld = strangers - await self._archived(strangers)
        if not is_mass(len(withheld), sum(vmid_in(name) is not None for name in listed)):
            return gap
        log.error("%s lists %s names of no server of ours: not touching them", self.link.name, len(withheld))
        kept = [(name, row) for name, row in gap.drop if name not in withheld]
        return Gap(put=gap.put, drop=kept, withheld=sorted(withheld))

    async def _archived(self, names: Collection[str]) -> set[str]:
        async with self._database.reading() as session:
            return await store.list_archived_names(session, {vmid_in(name) or 0 for name in names})

    def _gap(self, rows: Mapping[str, EdgeIntent], listed: Mapping[str, str] | None) -> Gap:
        """Return the gap without what failed lately: each server has its own pause."""
        gap, now = self.gap(rows, listed), asyncio.get_running_loop().time()
        named = {row.hostname for row in gap.put} | {name for name, _ in gap.drop}
        self._later = {name: later for name, later in self._later.items() if name in named}
        due = {name for name in named if self._later.get(name, (0, 0.0))[1] <= now}
        return Gap(
            put=[row for row in gap.put if row.hostname in due],
            drop=[(name, row) for name, row in gap.drop if name in due],
        )

    def is_on(self, row: EdgeIntent) -> bool:
        """Say whether it must be there."""
        on = row.published if self.link.name in DOORS else row.named
        return on and self.link.wants(self._places.of_intent(row))

    def _is_off(self, row: EdgeIntent) -> bool:
        """Say whether it must not be there. A row that is about to be published is neither on nor off."""
        off = row.unpublished if self.link.name in DOORS else row.unnamed
        return off or (row.named and not self.link.wants(self._places.of_intent(row)))

    def wanted(self, row: EdgeIntent) -> str:
        """Return what the system must list of a row."""
        return self.link.wanted(self._places.of_intent(row))

    async def listed(self) -> Mapping[str, str] | None:
        """Return what the system holds; None when it cannot tell, or it is not its turn to be asked."""
        now = asyncio.get_running_loop().time()
        if now < self._list_at:
            return None
        listed = await self.link.listed()
        self._list_at = now + self.rhythm.listing * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        return listed

    async def rows(self) -> dict[str, EdgeIntent]:
        """Return the intents by host name, with what is recorded of this link."""
        async with self._database.reading() as session:
            found = await store.list_edge_intents(session, path_of(self.link.name))
        return {row.hostname: row for row in found}

    async def places(self, gap: Gap) -> list[tuple[Place, bool]]:
        """Return the places that are to be dropped (False) and put (True), in the order of the doing."""
        found: list[tuple[Place, bool]] = []
        for name, row in gap.drop:
            if row is not None:
                found.append((self._places.of_intent(row), False))
            elif (gone := await self._gone(name)) is not None:
                found.append((gone[0], False))
        return found + [(self._places.of_intent(row), True) for row in gap.put]

    async def put_again(self, hostname: str) -> dict[str, Any]:
        """Put one server on as its row says now; return the evidence. Raises ForeignError."""
        row = (await self.rows()).get(hostname)
        if row is None or not self.is_on(row):
            return {}
        outcome = await ask(self.link, self._places.of_intent(row), on=True)
        await self._confirm([(row, outcome)], {hostname: ""})
        if outcome.failure is not None:
            raise outcome.failure
        return dict(outcome.evidence)

    async def close(self, gap: Gap, listed: Mapping[str, str], *, actor: str = ACTOR) -> None:
        """Take off what must not be there, put on what must. Raises ForeignError when the system is away."""
        gate, fuse = asyncio.Semaphore(self.rhythm.at_once), Fuse()
        async with asyncio.TaskGroup() as group:
            for name, row in gap.drop:
                one = (
                    self._drop(row, gate, fuse)
                    if row
                    else self._remove(name, listed.get(name), gate, fuse, actor)
                )
                group.create_task(one)
            puts = [group.create_task(self._put(row, gate, fuse)) for row in gap.put]
        put = [found for task in puts if (found := task.result()) is not None]
        if put:
            await self._confirm(put, listed)
        if fuse.blown is not None:
            raise fuse.blown

    async def _drop(self, row: EdgeIntent, gate: asyncio.Semaphore, fuse: Fuse) -> None:
        place = self._places.of_intent(row)
        async with gate:
            if fuse.blown is not None:
                return
            log.warning("taking %s off %s: it is to be reached by nobody", row.hostname, self.link.name)
            outcome = await ask(self.link, place, on=False)
            self._count(row.hostname, outcome, fuse)
        await self._publishing.note(place, {self.link.name: outcome}, on=False)

    async def _remove(
        self, name: str, held: str | None, gate: asyncio.Semaphore, fuse: Fuse, actor: str
    ) -> None:
        """Take off a name without a server. Written down before and after; of failures in a row the first."""
        async with gate:
            if fuse.blown is not None or (gone := await self._gone(name)) is None:
                return
            place, archived = gone
            removal, again = (
                Removal(self.link.name, name, place.vmid, held, archived, actor),
                name in self._later,
            )
            log.warning("taking %s off %s: no server is to be reached by this name", name, self.link.name)
            if not again:
                await self._ledger.note(removal, "repair_began")
            outcome = await ask(self.link, place, on=False)
            self._count(name, outcome, fuse)
            if outcome.failure is None:
                await self._ledger.note(removal, "repaired", outcome=dict(outcome.evidence))
            elif not again:
                await self._ledger.note(removal, "repair_failed", error=outcome.failure.message)

    async def _put(
        self, row: EdgeIntent, gate: asyncio.Semaphore, fuse: Fuse
    ) -> tuple[EdgeIntent, Outcome] | None:
        async with gate:
            if fuse.blown is not None:
                return None
            log.warning("putting %s on %s again at %s", row.hostname, self.link.name, row.ip)
            outcome = await ask(self.link, self._places.of_intent(row), on=True)
            self._count(row.hostname, outcome, fuse)
        return row, outcome

    async def _confirm(self, put: list[tuple[EdgeIntent, Outcome]], listed: Mapping[str, str]) -> None:
        """Take off again what was unpublished, or moved, while we put it on; record the rest.

        Whoever unpublishes writes that first and drops then. So either we see it here, or the drop comes
        after our putting on.
        """
        rows = await self.rows()
        for row, outcome in put:
            now, place = rows.get(row.hostname), self._places.of_intent(row)
            if now is None or not self.is_on(now) or self._places.of_intent(now) != place:
                await ask(self.link, place, on=False)
            elif outcome.failure or row.link != "published" or row.hostname in listed:
                await self._publishing.note(place, {self.link.name: outcome}, on=True)

    async def _gone(self, name: str) -> tuple[Place, bool] | None:
        """Return the place of a server without a row, and whether there was one; None: by now there is."""
        async with self._database.reading() as session:
            if await store.find_by_hostname(session, name) is not None:
                return None
            archived = await store.find_archived(session, vmid_in(name) or 0)
        return self._places.of_gone(name, archived), archived is not None and archived.hostname == name

    def _count(self, name: str, outcome: Outcome, fuse: Fuse) -> None:
        fuse.count(outcome.failure)
        if outcome.failure is None:
            self._later.pop(name, None)
            return
        tries = self._later.get(name, (0, 0.0))[0]
        pause = min(PAUSE_MOST, self.rhythm.pause * 2**tries) * random.uniform(0.7, 1.3)  # noqa: S311 - jitter
        self._later[name] = (min(tries + 1, 16), asyncio.get_running_loop().time() + pause)


def _may_hold(row: EdgeIntent) -> bool:
    """Say whether our own record claims that the link holds something of a server."""
    return row.link is not None and row.link not in {*IDLE, "unpublished"}
