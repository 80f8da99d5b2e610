"""Which containers of the fleet are shown, in which order and groups: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SORTS = ("vmid", "name", "owner", "node", "state", "memory", "cpu")
KINDS = ("", "game", "dev", "other", "strange")
SHOWS = ("", "trouble", "running", "stopped")
GROUPS = ("node", "owner", "none")


@dataclass(frozen=True)
class Wish:
    """What an operator asks to see."""

    words: str = ""
    show: str = ""
    kind: str = ""
    node: str = ""
    group: str = "node"
    sort: str = "vmid"

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wish:
        """Return the wish of an address; what it does not make sense of is not wished."""
        sort = query.get("sort", "vmid")
        return cls(
            words=query.get("q", "")[:100],
            show=_one_of(SHOWS, query.get("show")),
            kind=_one_of(KINDS, query.get("kind")),
            node=query.get("node", "")[:100],
            group=_one_of(GROUPS, query.get("group")),
            sort=sort if sort.removeprefix("-") in SORTS else "vmid",
        )

    def address(self, *, sorted_: bool = True, **other: str) -> str:
        """Return the query that leads here again, or to the same with something else."""
        told = {"q": self.words, "show": self.show, "kind": self.kind, "node": self.node}
        told |= {"group": "" if self.group == GROUPS[0] else self.group} | other
        if sorted_:
            told["sort"] = self.sort
        return urlencode({name: value for name, value in told.items() if value})


@dataclass(frozen=True)
class Group:
    """Containers that belong together; ``name`` and ``id`` are None where they belong to nothing."""

    id: str | None
    name: str | None
    containers: tuple[dict[str, Any], ...]

    @property
    def memory(self) -> int:
        """Return how much memory they may use."""
        return sum(one["maxMemory"] or 0 for one in self.containers)


def words_of(container: Mapping[str, Any]) -> str:
    """Return what a container is found by, in small letters."""
    told = [
        container[name]
        for name in ("vmid", "name", "hostname", "displayName", "node", "ownerName", "type", "word")
    ]
    return " ".join(str(one) for one in told if one is not None).lower()


def chosen(containers: Iterable[dict[str, Any]], wish: Wish) -> list[dict[str, Any]]:
    """Return those of the judged containers that fit, sorted; each knows its ``words``."""
    wanted = wish.words.lower().split()
    found = [one | {"words": words_of(one)} for one in containers]
    found = [
        one
        for one in found
        if _is_kind(one, wish.kind)
        and _is_shown(one, wish.show)
        and wish.node in {"", one["node"]}
        and all(word in one["words"] for word in wanted)
    ]
    return sorted(found, key=lambda one: _rank(one, wish.sort), reverse=wish.sort.startswith("-"))


def grouped(containers: Sequence[dict[str, Any]], by: str) -> list[Group]:
    """Return the containers in groups by name, in the order they have; what belongs to nothing is last."""
    if by == "none":
        return [Group(None, None, tuple(containers))] if containers else []
    key, name = ("ownerId", "ownerName") if by == "owner" else ("node", "node")
    groups: dict[str | None, list[dict[str, Any]]] = {}
    for one in containers:
        groups.setdefault(one[key], []).append(one)
    made = [Group(id_, found[0][name], tuple(found)) for id_, found in groups.items()]
    return sorted(made, key=lambda group: (group.id is None, str(group.name or group.id).lower()))


def _one_of(known: Sequence[str], word: str | None) -> str:
    return word if word is not None and word in known else known[0]


def _is_kind(container: Mapping[str, Any], kind: str) -> bool:
    return not container["ours"] if kind == "strange" else kind in {"", container["type"]}


def _is_shown(container: Mapping[str, Any], show: str) -> bool:
    return bool(container["trouble"]) if show == "trouble" else show in {"", container["status"]}


def _rank(container: Mapping[str, Any], sort: str) -> tuple[Any, int]:
    name = sort.removeprefix("-")
    found = {
        "vmid": container["vmid"],
        "name": str(container["name"] or "").lower(),
        "owner": str(container["ownerName"] or "").lower(),
        "node": str(container["node"] or ""),
        "state": (not container["trouble"], container["word"]),
        "memory": container["memory"] or 0,
        "cpu": container["cpu"] or 0,
    }
    return found[name], container["vmid"]
