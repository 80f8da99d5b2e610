"""What rows, cluster and links say of names, side by side (contract §6.8); and making it one again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zpack.control.audit import store as audit
from zpack.control.engine.errors import ForeignError
from zpack.control.instances import store as instances
from zpack.control.publishing.links import rehearsed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from zpack.control.accounts.models import User
    from zpack.control.db.session import Database
    from zpack.control.instances.models import EdgeIntent
    from zpack.control.publishing.reconciler import LinkReconciler
    from zpack.control.publishing.rounds import Gap

LOOK_SECONDS = 30.0
SHOWN = 500
"""Names of one kind, and calls of one link, that are shown; the counts are whole."""


@dataclass
class Looked:
    """What one link showed."""

    link: str
    rows: Mapping[str, EdgeIntent] = field(default_factory=dict[str, "EdgeIntent"])
    listed: Mapping[str, str] | None = None
    gap: Gap | None = None
    error: str | None = None


class Drift:
    """Compares everything at once. Nothing is changed unless that is asked for."""

    def __init__(
        self,
        *,
        database: Database,
        reconcilers: tuple[LinkReconciler, ...],
        containers: Callable[[], Awaitable[Mapping[int, str]]],
    ) -> None:
        self._database = database
        self._reconcilers = {one.link.name: one for one in reconcilers}
        self._containers = containers

    async def look(self) -> dict[str, Any]:
        """Return what differs, and the calls that would mend it."""
        looked = await self._looked(doubting=True)
        return await self._report(looked, dry_run=True)

    async def apply(self, admin: User, *, orphans: bool = False) -> dict[str, Any]:
        """Mend what differs, link by link, and return what was found and what came of it.

        ``orphans`` takes names without a server off, however many they are.
        """
        looked = await self._looked(doubting=not orphans)
        report = await self._report(looked, dry_run=False)
        async with self._database.transaction() as session:
            counts = {one.link: _count(one) for one in looked}
            audit.record(session, "edge.drift.apply", actor=admin.id, links=counts)
        report["applied"] = dict(await asyncio.gather(*(self._mended(one, admin.id) for one in looked)))
        return report

    async def _looked(self, *, doubting: bool) -> list[Looked]:
        looks = (self._look(one, doubting=doubting) for one in self._reconcilers.values())
        return list(await asyncio.gather(*looks))

    async def _look(self, reconciler: LinkReconciler, *, doubting: bool) -> Looked:
        found = Looked(reconciler.link.name)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                found.listed = await reconciler.link.listed()  # before the rows: see the reconciler
                found.rows = await reconciler.rows()
        except ForeignError as failure:
            found.error = failure.message
        except TimeoutError:
            found.error = f"{found.link} did not answer in time"
        if found.error is None:
            gap = reconciler.gap(found.rows, found.listed)
            found.gap = await reconciler.believed(gap, found.listed or {}) if doubting else gap
        return found

    async def _mended(self, looked: Looked, actor: str) -> tuple[str, dict[str, Any]]:
        if looked.gap is None:
            return looked.link, {"ok": False, "error": looked.error}
        try:
            await self._reconcilers[looked.link].close(looked.gap, looked.listed or {}, actor=actor)
        except ForeignError as failure:
            return looked.link, {"ok": False, "error": failure.message}
        return looked.link, {"ok": True}

    async def _report(self, looked: list[Looked], *, dry_run: bool) -> dict[str, Any]:
        rows = next((one.rows for one in looked if one.rows), {})
        containers, error = await self._cluster()
        orphans: dict[str, list[str]] = {}
        for one in looked:
            for name in _orphans(one):
                orphans.setdefault(name, []).append(one.link)
        listed = {one.link: None if one.listed is None else len(one.listed) for one in looked}
        known = {row.vmid for row in rows.values()}
        here = containers or {}
        return {
            "ok": error is None and not any(one.error for one in looked),
            "dryRun": dry_run,
            "at": datetime.now(UTC).isoformat(),
            "counts": {"database": len(rows), "proxmox": None if containers is None else len(here), **listed},
            "dbOnly": []
            if containers is None
            else _cut(n for n, row in rows.items() if row.vmid not in here),
            "proxOnly": _cut(name for vmid, name in here.items() if vmid not in known),
            "orphans": [{"hostname": name, "links": links} for name, links in sorted(orphans.items())][
                :SHOWN
            ],
            "proxmoxError": error,
            "links": dict(await asyncio.gather(*(self._link(one, calls=dry_run) for one in looked))),
            "displayNames": await self._called(rows),
        }

    async def _called(self, rows: Mapping[str, EdgeIntent]) -> dict[str, str]:
        """Return what people call the servers of these host names, as far as they call them anything."""
        async with self._database.reading() as session:
            called = await instances.list_display_names(session, {row.vmid for row in rows.values()})
        return {name: called[row.vmid][0] for name, row in rows.items() if row.vmid in called}

    async def _cluster(self) -> tuple[Mapping[int, str] | None, str | None]:
        try:
            return await self._containers(), None
        except ForeignError as failure:
            return None, failure.message

    async def _link(self, one: Looked, *, calls: bool) -> tuple[str, dict[str, Any]]:
        if one.gap is None:
            return one.link, {"state": "failed", "error": one.error}
        listed = one.listed or {}
        found: dict[str, Any] = {
            "state": "cannot_tell" if one.listed is None else "compared",
            "missing": _cut(row.hostname for row in one.gap.put if row.hostname not in listed),
            "wrong": _cut(row.hostname for row in one.gap.put if row.hostname in listed),
            "surplus": _cut(name for name, row in one.gap.drop if row is not None),
            "orphans": _cut(_orphans(one)),
            "withheld": _cut(one.gap.withheld),
        }
        return one.link, found | ({"calls": await self._calls(one)} if calls else {})

    async def _calls(self, one: Looked) -> list[str]:
        """Return the calls that would be made, as far as a link can say them."""
        reconciler, gap = self._reconcilers[one.link], one.gap
        assert gap is not None  # noqa: S101 - asked of compared links only
        said: list[str] = []
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                for place, on in await reconciler.places(gap):
                    said += await rehearsed(reconciler.link, place, on=on)
                    if len(said) >= SHOWN:
                        break
        except (ForeignError, TimeoutError):
            said.append(f"{one.link} stopped answering while we asked")
        return said[:SHOWN]


def _count(one: Looked) -> dict[str, int]:
    return {"put": len(one.gap.put), "drop": len(one.gap.drop)} if one.gap else {}


def _orphans(one: Looked) -> list[str]:
    """Return the names that have no server, also those that are left alone."""
    return [*(name for name, row in one.gap.drop if row is None), *one.gap.withheld] if one.gap else []


def _cut(names: Any) -> list[str]:
    return sorted(names)[:SHOWN]
