"""Which node a new container goes to: pure.

A node is as full as the scarcest of what it has would be with the new container on it: memory in use, memory
promised to its containers, processors, and the storage of clones. The least full is chosen. A node without
memory or storage for it is no choice; promised memory and processors may be given out more than once.

Creates under way count as if their containers ran already, so that many at once spread out before any of them
shows in the cluster's figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from zpack.control.outside.proxmox_facts import Guest, NodeFacts, StorageFacts


@dataclass(frozen=True)
class Need:
    """What a container needs: bytes of memory and of disk, and processors."""

    memory: int
    cores: int
    disk: int


@dataclass(frozen=True)
class Placed:
    """A create under way: its container, and the node it was given."""

    vmid: int
    node: str
    need: Need


@dataclass(frozen=True)
class Candidate:
    """A node that could take a clone, and the storage it would lie on, when the cluster tells of it."""

    node: NodeFacts
    storage: StorageFacts | None


def choose(
    need: Need, candidates: Sequence[Candidate], *, guests: Collection[Guest], placed: Collection[Placed]
) -> str | None:
    """Return the least full node with room, or None; of equals the first by name."""
    rated = [(fullness(each, need, guests=guests, placed=placed), each.node.name) for each in candidates]
    having_room = [(full, name) for full, name in rated if full is not None]
    return min(having_room)[1] if having_room else None


def fullness(
    candidate: Candidate, need: Need, *, guests: Collection[Guest], placed: Collection[Placed]
) -> float | None:
    """Return how full a node would be, 1.0 being full, or None when the container does not fit."""
    node = candidate.node
    here = {guest.vmid: guest for guest in guests if guest.node == node.name and not guest.template}
    coming = [place for place in placed if place.node == node.name]
    unseen = [place for place in coming if not _runs(here.get(place.vmid))]
    memory = node.memory_used + sum(place.need.memory for place in unseen) + need.memory
    disk = _disk(candidate.storage, need, placed, {guest.vmid for guest in guests})
    if memory > node.memory or disk is None:
        return None
    known = {place.vmid for place in coming}
    promised = sum(guest.memory for guest in here.values() if guest.vmid not in known)
    promised += sum(place.need.memory for place in coming) + need.memory
    cores = node.load * node.cpus + sum(place.need.cores for place in unseen) + need.cores
    return max(memory / node.memory, promised / node.memory, cores / max(1, node.cpus), disk)


def _disk(
    storage: StorageFacts | None, need: Need, placed: Collection[Placed], made: Collection[int]
) -> float | None:
    """Return the share of the storage in use, or None when it is too small; what is not told is enough."""
    if storage is None or not storage.size:
        return 0.0
    writing = [each for each in placed if storage.shared or each.node == storage.node]
    used = storage.used + need.disk + sum(each.need.disk for each in writing if each.vmid not in made)
    return used / storage.size if used <= storage.size else None


def _runs(guest: Guest | None) -> bool:
    return guest is not None and guest.status == "running"
