"""What the API says of the fleet, judged: which containers need a look, and where room is left. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SETTLING_SECONDS = 120
"""For so long after its start a host may be without a word of its agent."""
PASSING = frozenset({"starting", "stopping", "installing"})
BROKEN = frozenset({"crashed", "error"})
BAD = frozenset({"missing", "crashed", "unseen"})
"""Troubles that a customer feels; the others are for us to know, or pass by themselves."""


@dataclass(frozen=True)
class Node:
    """A node, and the judged containers on it."""

    facts: Mapping[str, Any]
    containers: tuple[dict[str, Any], ...]

    @property
    def online(self) -> bool:
        """Whether it is there."""
        return self.facts["status"] == "online"

    @property
    def free(self) -> int:
        """Return how many bytes of memory are not in use; none of a node that is away."""
        return max(0, (self.facts["maxMemory"] or 0) - (self.facts["memory"] or 0)) if self.online else 0

    @property
    def promised(self) -> int:
        """Return how much memory the containers that run there may use."""
        return sum(one["maxMemory"] or 0 for one in self.containers if one["status"] == "running")


@dataclass(frozen=True)
class Glance:
    """The whole fleet in a few numbers."""

    nodes: tuple[Node, ...]
    containers: tuple[dict[str, Any], ...]

    def count(self, status: str) -> int:
        """Return how many containers have a status."""
        return sum(one["status"] == status for one in self.containers)

    @property
    def troubled(self) -> list[dict[str, Any]]:
        """Return the containers that need a look, what customers feel first."""
        found = [one for one in self.containers if one["trouble"]]
        return sorted(found, key=lambda one: (one["trouble"] not in BAD, one["vmid"]))

    @property
    def owners(self) -> int:
        """Return how many accounts own something."""
        return len({one["ownerId"] for one in self.containers} - {None})

    @property
    def free(self) -> int:
        """Return the memory that is not in use, in bytes."""
        return sum(node.free for node in self.nodes)

    @property
    def roomiest(self) -> Node | None:
        """Return the node with the most of it."""
        return max(self.nodes, key=lambda node: node.free, default=None)


def glance_at(fleet: Mapping[str, Any]) -> Glance:
    """Return the API's ``/api/admin/fleet``, judged."""
    containers = tuple(judged(one) for one in fleet["containers"])
    return Glance(tuple(_nodes(fleet["nodes"], containers)), containers)


def judged(container: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container with its ``word``, its ``trouble`` ("" for none) and how both look."""
    running = container["status"] == "running"
    word = str((container["state"] if running else None) or container["status"])
    trouble = _trouble(container, word)
    tone = "busy" if word in PASSING else "ok" if running else ""
    if trouble:
        tone = "bad" if trouble in BAD else "warn"
    return {**container, "word": word, "trouble": trouble, "tone": tone}


def _trouble(container: Mapping[str, Any], word: str) -> str:
    if container["serverId"] is None:
        return "unclaimed" if container["ours"] and not container["template"] else ""
    if container["status"] in {"missing", "unknown"}:
        return "missing" if container["status"] == "missing" else "unseen"
    if container["status"] != "running":
        return ""
    if container["suspended"]:
        return "suspended_running"
    if word in BROKEN:
        return "crashed"
    silent = not container["heard"] and container["uptime"] > SETTLING_SECONDS
    return "silent" if silent else ""


def _nodes(nodes: Iterable[Mapping[str, Any]], containers: Sequence[dict[str, Any]]) -> Iterable[Node]:
    for facts in nodes:
        yield Node(facts, tuple(one for one in containers if one["node"] == facts["name"]))
