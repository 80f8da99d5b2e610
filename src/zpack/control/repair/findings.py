"""What is wrong, decided from one look: pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from zpack.control.engine.mass import is_mass
from zpack.control.instances.models import is_ours
from zpack.control.publishing.links import NAMES
from zpack.control.repair.models import BY_LINK, TRAITS, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zpack.control.repair.models import Kind, Snapshot

SILENT = timedelta(minutes=12)
"""Longer than one undo may take: what has said nothing for so long is run by nobody."""


def judged(snapshot: Snapshot) -> frozenset[Kind]:
    """Return the kinds that this look can say anything about; of the others it proves nothing."""
    return frozenset(kind for kind, trait in TRAITS.items() if trait.needs <= snapshot.known)


def judges(snapshot: Snapshot, finding_id: str) -> bool:
    """Say whether this look can tell that a finding is no more."""
    kind, _, subject = finding_id.partition(":")
    if kind not in judged(snapshot):
        return False
    return kind not in BY_LINK or subject.partition(":")[0] in snapshot.edge


def find(snapshot: Snapshot) -> list[Finding]:
    """Return everything that is wrong, as far as it can be judged."""
    kinds = judged(snapshot)
    every = (
        *_stuck(snapshot),
        *_stale_keys(snapshot),
        *_silent_agents(snapshot),
        *_lacking(snapshot),
        *_strange_names(snapshot),
        *_without_container(snapshot),
        *_without_row(snapshot),
        *_suspended(snapshot),
    )
    found = [finding for finding in every if finding.kind in kinds]
    return [*found, *mass_events(snapshot, found)]


def mass_events(snapshot: Snapshot, found: list[Finding]) -> list[Finding]:
    """Return an alarm when so much is gone at once that the look is to be doubted, or the record is old."""
    lost = sum(finding.kind == "row_without_container" for finding in found)
    strange = sum(finding.kind == "container_without_row" for finding in found)
    alarms: list[Finding] = []
    if is_mass(lost, len(snapshot.servers)):
        evidence = {"missing": lost, "servers": len(snapshot.servers)}
        alarms.append(Finding("mass_event", "cluster", evidence=evidence))
    if is_mass(strange, len(snapshot.containers)):
        evidence = {"withoutRow": strange, "containers": len(snapshot.containers)}
        alarms.append(Finding("mass_event", "record", evidence=evidence))
    return alarms


def _busy(snapshot: Snapshot) -> set[int | None]:
    return {operation.vmid for operation in snapshot.operations} | set(snapshot.reserved)


def _stuck(snapshot: Snapshot) -> Iterator[Finding]:
    for one in snapshot.operations:
        if snapshot.at > one.deadline and snapshot.at - one.updated_at > SILENT:
            evidence = {
                "operation": one.id,
                "kind": one.kind,
                "phase": one.phase,
                "deadline": one.deadline.isoformat(),
                "lastSign": one.updated_at.isoformat(),
            }
            yield Finding("operation_stuck", one.id, one.vmid, evidence)


def _stale_keys(snapshot: Snapshot) -> Iterator[Finding]:
    active = {operation.id for operation in snapshot.operations}
    for vmid, holder in snapshot.host_keys.items():
        if holder not in active:
            yield Finding("host_key_stale", f"{vmid}:{holder}", vmid, {"operation": holder})


def _silent_agents(snapshot: Snapshot) -> Iterator[Finding]:
    busy = _busy(snapshot)
    for server in snapshot.servers:
        container = snapshot.containers.get(server.vmid)
        runs = container is not None and container.status == "running"
        if runs and server.vmid not in snapshot.heard and server.vmid not in busy:
            yield Finding("agent_offline", str(server.vmid), server.vmid, {"address": server.ip})


def _lacking(snapshot: Snapshot) -> Iterator[Finding]:
    for link, edge in snapshot.edge.items():
        for one in edge.lacking:
            evidence = {"link": link, "name": one.hostname, "wanted": one.wanted, "held": one.held}
            kind = "record_missing" if link in NAMES else "registration_missing"
            yield Finding(kind, f"{link}:{one.hostname}", one.vmid, evidence)


def _strange_names(snapshot: Snapshot) -> Iterator[Finding]:
    for link, edge in snapshot.edge.items():
        if edge.withheld:
            evidence = {"link": link, "withoutServer": edge.withheld, "listed": edge.listed}
            yield Finding("edge_mass_event", link, evidence=evidence)


def _without_container(snapshot: Snapshot) -> Iterator[Finding]:
    busy = _busy(snapshot)
    for server in snapshot.servers:
        if server.vmid not in snapshot.containers and server.vmid not in busy:
            evidence = {"hostname": server.hostname, "owner": server.owner}
            yield Finding("row_without_container", str(server.vmid), server.vmid, evidence)


def _without_row(snapshot: Snapshot) -> Iterator[Finding]:
    known = {server.vmid for server in snapshot.servers} | _busy(snapshot)
    for container in snapshot.containers.values():
        if is_ours(container.vmid) and container.marked and container.vmid not in known:
            evidence = {"name": container.name, "node": container.node, "status": container.status}
            yield Finding("container_without_row", str(container.vmid), container.vmid, evidence)


def _suspended(snapshot: Snapshot) -> Iterator[Finding]:
    for server in snapshot.servers:
        container = snapshot.containers.get(server.vmid)
        if server.suspended and container is not None and container.status == "running":
            yield Finding("suspended_running", str(server.vmid), server.vmid, {"owner": server.owner})
