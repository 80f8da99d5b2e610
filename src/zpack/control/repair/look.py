"""Takes one look at everything that can disagree; who does not answer in full is not believed at all."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.engine.mass import is_mass
from zpack.control.instances.models import is_marked, is_ours
from zpack.control.repair import store
from zpack.control.repair.models import Container, Edge, Lacking, Snapshot, Source

if TYPE_CHECKING:
    from collections.abc import Collection

    from zpack.control.db.session import Database
    from zpack.control.heartbeat.store import AgentWords
    from zpack.control.outside.proxmox import Proxmox
    from zpack.control.power.store import HostOperations
    from zpack.control.publishing.reconciler import LinkReconciler

log = logging.getLogger("zpack.repair")
SECONDS = 20.0
STRANGERS = 50
"""Containers without a row whose configuration is read in one look, at most."""


class Look:
    """Reads the rows first and the world then, so that a row is never older than what is held against it."""

    def __init__(
        self,
        *,
        database: Database,
        proxmox: Proxmox,
        links: tuple[LinkReconciler, ...],
        words: AgentWords,
        running: HostOperations,
    ) -> None:
        self._database = database
        self._proxmox = proxmox
        self._links = links
        self._words = words
        self._running = running

    async def take(self) -> Snapshot:
        """Return what is there now."""
        now = datetime.now(UTC)
        async with self._database.transaction() as session:
            servers = await store.list_servers(session)
            operations = await store.list_running(session)
            reserved = await store.list_reserved(session)
        vmids = [server.vmid for server in servers]
        known = {server.vmid for server in servers}
        containers, edge, heard = await asyncio.gather(
            self.containers(known), self._edge(), self._heard(vmids)
        )
        runs = {vmid for vmid in vmids if containers and vmid in containers and _runs(containers[vmid])}
        sources: set[Source] = {"database"}
        sources |= {"proxmox"} if containers is not None else set()
        sources |= {"edge"} if edge else set()
        sources |= {"agents"} if _believable(runs, heard) else set()
        keys = await self._running.get_many(vmids)
        return Snapshot(
            at=now,
            known=frozenset(sources),
            servers=servers,
            operations=operations,
            reserved=reserved,
            host_keys={vmid: str(key.get("id")) for vmid, key in keys.items() if key},
            containers=containers or {},
            heard=heard,
            edge=edge,
        )

    async def containers(self, known: Collection[int]) -> dict[int, Container] | None:
        """Return our ranges' containers; None when any node is offline, for its containers may be there."""
        budget = Budget.seconds(SECONDS)
        try:
            nodes = await self._proxmox.nodes(budget)
            if not nodes or not all(nodes.values()):
                away = sorted(name for name, online in nodes.items() if not online)
                log.warning("the cluster answers in part; offline: %s", ", ".join(away) or "all")
                return None
            guests = await self._proxmox.guests(budget)
            found = {
                guest.vmid: Container(guest.vmid, guest.node, guest.status, guest.name)
                for guest in guests.values()
                if is_ours(guest.vmid) and not guest.template
            }
            for vmid in sorted(found.keys() - set(known))[:STRANGERS]:
                found[vmid] = await self._asked(found[vmid], budget)
        except ForeignError as failure:
            log.warning("the cluster cannot be looked at: %s", failure.message)
            return None
        return found

    async def _asked(self, one: Container, budget: Budget) -> Container:
        config: dict[str, Any] = await self._proxmox.config(vmid=one.vmid, node=one.node, budget=budget)
        marked = is_marked(str(config.get("description", "")), str(config.get("tags", "")))
        return Container(one.vmid, one.node, one.status, one.name, marked=marked)

    async def _edge(self) -> dict[str, Edge]:
        """Return what each link lists; those that do not answer, cannot tell or are not due are left out."""
        found = await asyncio.gather(*(self._of(one) for one in self._links))
        return {one.link.name: edge for one, edge in zip(self._links, found, strict=True) if edge is not None}

    async def _of(self, one: LinkReconciler) -> Edge | None:
        """Compare one link with rows that say, before and after it was read, that it holds a server."""
        before = await one.rows()
        try:
            async with asyncio.timeout(SECONDS):
                listed = await one.listed()
        except (ForeignError, TimeoutError):
            return None
        if listed is None:
            return None
        rows = await one.rows()
        gap = await one.believed(one.gap(rows, listed), listed)
        lacking = tuple(
            Lacking(row.vmid, row.hostname, one.wanted(row), listed.get(row.hostname))
            for row in gap.put
            if row.link == "published" and before.get(row.hostname) == row
        )
        return Edge(lacking=lacking, listed=len(listed), withheld=len(gap.withheld))

    async def _heard(self, vmids: list[int]) -> frozenset[int]:
        words = await self._words.get_many(vmids)
        return frozenset(vmid for vmid, word in words.items() if word and word.get("hostOnline") is True)


def _runs(container: Container) -> bool:
    return container.status == "running"


def _believable(runs: Collection[int], heard: Collection[int]) -> bool:
    """Say whether silence means anything: when most are silent at once, it is we who hear nothing."""
    return not is_mass(len(set(runs) - set(heard)), len(runs))
