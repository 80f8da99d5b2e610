"""Gives each create its node: the fixed one, or the one with the most room, kept in its reservation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.instances import store
from zpack.control.outside.proxmox_facts import storages_of
from zpack.control.provisioning.models import MIB
from zpack.control.provisioning.placement import Candidate, Need, Placed, choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zpack.control.db.session import Database
    from zpack.control.db.tables import VmidReservation
    from zpack.control.engine.budget import Budget
    from zpack.control.engine.steps import State
    from zpack.control.outside.proxmox import Guest, Proxmox
    from zpack.control.outside.proxmox_facts import Resources
    from zpack.control.provisioning.settings import ProvisioningSettings


class NoCapacity(Refusal):
    """No node has the memory or the storage for another container."""

    kind = "unavailable"
    code = "no_capacity"


@dataclass(frozen=True)
class Origin:
    """Which template is cloned, where it is, and where the clone goes."""

    template: int
    node: str
    target: str


class Placing:
    """Chooses nodes for new containers."""

    def __init__(self, *, database: Database, proxmox: Proxmox, settings: ProvisioningSettings) -> None:
        self._database = database
        self._proxmox = proxmox
        self._settings = settings

    async def place(self, state: State, budget: Budget) -> str:
        """Return the node of a create; the one it was given before, as long as that can take it.

        Raises NoCapacity; ForeignError when no node can take a clone at the moment.
        """
        if not self._settings.placed:
            return self._proxmox.default_node
        resources = await self._proxmox.resources(budget)
        candidates = await self._candidates(resources, budget)
        if not candidates:
            raise ForeignError("no node of the cluster can take a clone of the template", transient=True)
        return await self._chosen(state, resources, candidates)

    async def origin(self, node: str, budget: Budget, *, moved: bool = False) -> Origin:
        """Return the template for a node; where it really is when nodes are chosen, or when it has moved."""
        template = self._template_for(node)
        look = moved or self._settings.placed
        guest = await self._proxmox.locate(template, budget) if look else None
        return Origin(template, guest.node if guest else node, node)

    async def _chosen(self, state: State, resources: Resources, candidates: Sequence[Candidate]) -> str:
        operation_id, need = state["operation_id"], self._need(state, resources)
        async with self._database.transaction() as session:
            rows = await store.list_placed(session)
            mine = next((row.node for row in rows if row.operation_id == operation_id), None)
            if mine is not None and any(candidate.node.name == mine for candidate in candidates):
                return mine
            others = [_placed(row) for row in rows if row.operation_id != operation_id]
            node = choose(need, candidates, guests=resources.guests.values(), placed=others)
            if node is None:
                raise NoCapacity("No node has room for another server at the moment.")
            megabytes = {"memory_mb": need.memory // MIB, "disk_mb": need.disk // MIB}
            await store.place(session, operation_id, node=node, cores=need.cores, **megabytes)
        return node

    def _need(self, state: State, resources: Resources) -> Need:
        wanted, template = state["request"], resources.guests.get(self._settings.template_vmid)
        disk = max(template.disk if template else 0, (self._settings.disk_gib or 0) << 30)
        return Need(memory=wanted["memory"] * MIB, cores=wanted["cores"], disk=disk)

    def _template_for(self, node: str) -> int:
        return self._settings.templates.get(node, self._settings.template_vmid)

    async def _candidates(self, resources: Resources, budget: Budget) -> list[Candidate]:
        """Return the allowed nodes that are up and can take a clone."""
        found: list[Candidate] = []
        lying: dict[int, frozenset[str]] = {}
        for name in self._settings.nodes or tuple(resources.nodes):
            template = resources.guests.get(self._template_for(name))
            if template is None or not (_is_up(resources, name) and _is_up(resources, template.node)):
                continue
            if template.vmid not in lying:
                lying[template.vmid] = await self._lies_on(template, budget)
            storages = lying[template.vmid]
            if _reaches(resources, template, storages, name, self._settings.storage):
                storage = self._settings.storage or min(storages)
                found.append(Candidate(resources.nodes[name], resources.storages.get((name, storage))))
        return found

    async def _lies_on(self, template: Guest, budget: Budget) -> frozenset[str]:
        """Return the storages of a template."""
        return storages_of(await self._proxmox.config(vmid=template.vmid, node=template.node, budget=budget))


def _is_up(resources: Resources, node: str) -> bool:
    return node in resources.nodes and resources.nodes[node].online


def _reaches(
    resources: Resources, template: Guest, lies_on: frozenset[str], node: str, storage: str | None
) -> bool:
    """Say whether a template can be cloned onto a node: to another one only over shared storage."""
    if not lies_on:
        return False
    needed = lies_on | ({storage} if storage else frozenset[str]())
    seen = [resources.storages.get((node, name)) for name in needed]
    if node == template.node:  # a token without Datastore.Audit sees no storages
        return all(facts is None or facts.usable for facts in seen)
    return all(facts is not None and facts.usable and facts.shared for facts in seen)


def _placed(row: VmidReservation) -> Placed:
    need = Need(memory=row.memory_mb * MIB, cores=row.cores, disk=row.disk_mb * MIB)
    return Placed(row.vmid, row.node or "", need)
