"""Which containers of the fleet are shown, and in which order: pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SORTS = ("vmid", "name", "owner", "node", "state", "memory", "cpu")
KINDS = ("", "game", "dev", "other", "strange")


@dataclass(frozen=True)
class Wish:
    """What an operator asks to see."""

    words: str = ""
    kind: str = ""
    node: str = ""
    sort: str = "vmid"

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wish:
        """Return the wish of an address; what it does not make sense of is not wished."""
        sort, kind = query.get("sort", "vmid"), query.get("kind", "")
        return cls(
            words=query.get("q", "")[:100],
            kind=kind if kind in KINDS else "",
            node=query.get("node", "")[:100],
            sort=sort if sort.removeprefix("-") in SORTS else "vmid",
        )

    def address(self, *, sorted_: bool = True) -> str:
        """Return the query that leads here again."""
        told = {"q": self.words, "kind": self.kind, "node": self.node}
        if sorted_:
            told["sort"] = self.sort
        return urlencode({name: value for name, value in told.items() if value})


def state_of(container: Mapping[str, Any]) -> str:
    """Return the one word for how a container is: its agent's while it runs, else its cluster's."""
    running = container["status"] == "running"
    return str((container["state"] if running else None) or container["status"])


def words_of(container: Mapping[str, Any]) -> str:
    """Return what a container is found by, in small letters."""
    told = [
        container[name] for name in ("vmid", "name", "hostname", "displayName", "node", "ownerName", "type")
    ]
    return " ".join(str(one) for one in [*told, state_of(container)] if one is not None).lower()


def chosen(containers: Iterable[dict[str, Any]], wish: Wish) -> list[dict[str, Any]]:
    """Return the containers that fit, sorted; each knows its ``words`` and its ``word``."""
    wanted = wish.words.lower().split()
    found = [one | {"words": words_of(one), "word": state_of(one)} for one in containers]
    found = [
        one
        for one in found
        if _is_kind(one, wish.kind)
        and wish.node in {"", one["node"]}
        and all(word in one["words"] for word in wanted)
    ]
    return sorted(found, key=lambda one: _rank(one, wish.sort), reverse=wish.sort.startswith("-"))


def with_counts(
    nodes: Iterable[dict[str, Any]], containers: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the nodes, each with how many of the containers it has."""
    counts = Counter(one["node"] for one in containers)
    return [node | {"containers": counts[node["name"]]} for node in nodes]


def _is_kind(container: Mapping[str, Any], kind: str) -> bool:
    return not container["ours"] if kind == "strange" else kind in {"", container["type"]}


def _rank(container: Mapping[str, Any], sort: str) -> tuple[Any, int]:
    name = sort.removeprefix("-")
    found = {
        "vmid": container["vmid"],
        "name": str(container["name"] or "").lower(),
        "owner": str(container["ownerName"] or "").lower(),
        "node": str(container["node"] or ""),
        "state": container["word"],
        "memory": container["memory"] or 0,
        "cpu": container["cpu"] or 0,
    }
    return found[name], container["vmid"]
