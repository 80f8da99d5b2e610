"""Tells which projects are installed on a server, from what its agent lists: pure (contract §2.5).

By id where it is known: from the agent's record, or because Modrinth knows the file's hash. Only what neither
knows is guessed by its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

HIT_TEXTS = (
    "project_id", "slug", "title", "description", "author", "icon_url", "latest_version", "date_modified",
    "date_created", "client_side", "server_side", "license", "project_type",
)  # fmt: skip
HIT_LISTS = ("categories", "display_categories", "versions")
HIT_COUNTS = ("downloads", "follows")
TEXT_LIMIT, LIST_LIMIT, MODS_LIMIT = 2000, 500, 2000
NOISE = re.compile(r"(?<=[a-z])[-_ ]?(?:fabric|forge|neoforge|quilt|paper|spigot|bukkit|mc)(?![a-z]).*")
VERSION = re.compile(r"[-_ +.\[(]*v?\d.*")
LETTERS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Installed:
    """What is on a server. ``known`` is False when its agent could not be asked."""

    projects: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    known: bool = False

    def has(self, project_id: str | None, *names: str | None) -> bool | None:
        """Say whether a project is there; None when nobody knows."""
        if not self.known:
            return None
        return project_id in self.projects or bool(self.names.intersection(plain(n) for n in names if n))


def listed_mods(body: Any) -> list[dict[str, Any]]:
    """Return the mods of an agent's answer; what is no mod is left out."""
    rows = body.get("mods") if isinstance(body, dict) else None
    return [row for row in rows[:MODS_LIMIT] if isinstance(row, dict)] if isinstance(rows, list) else []


def hashes_of(mods: list[dict[str, Any]]) -> list[str]:
    """Return the SHA-512 of each mod whose project nobody wrote down."""
    rows = (row.get("sha512") for row in mods if not isinstance(row.get("projectId"), str))
    return [value for value in rows if isinstance(value, str) and re.fullmatch("[0-9a-f]{128}", value)]


def installed_from(mods: list[dict[str, Any]], by_hash: Mapping[str, str]) -> Installed:
    """Return what these mods are."""
    projects: set[str] = set()
    names: set[str] = set()
    for row in mods:
        sha512 = row.get("sha512")
        project = row.get("projectId") or (by_hash.get(sha512) if isinstance(sha512, str) else None)
        if isinstance(project, str):
            projects.add(project)
        else:
            names |= {plain(text) for key in ("id", "name") if isinstance(text := row.get(key), str)}
    return Installed(frozenset(projects), frozenset(names - {""}), known=True)


def plain(name: str) -> str:
    """Return what a file's name, a slug or a title has in common: its letters, without loader and version."""
    text = name[:TEXT_LIMIT].lower().removesuffix(".disabled").removesuffix(".jar")
    text = VERSION.sub("", NOISE.sub("", text), count=1) or text
    return LETTERS.sub("", text)


def hits_view(found: Mapping[str, Any], installed: Installed, *, offset: int, limit: int) -> dict[str, Any]:
    """Return a page of search results, bounded and typed."""
    views = (_hit_view(hit, installed) for hit in found["hits"][:limit])
    hits = [view for view in views if view is not None]
    return {"hits": hits, "offset": offset, "limit": limit, "total_hits": _count(found.get("total_hits"))}


def _hit_view(hit: Any, installed: Installed) -> dict[str, Any] | None:
    """Return a search result with its ``installed`` flag, bounded, or None when it is none."""
    if not isinstance(hit, dict) or not isinstance(hit.get("project_id"), str):
        return None
    view: dict[str, Any] = {key: _text(hit.get(key)) for key in HIT_TEXTS}
    view |= {key: _texts(hit.get(key)) for key in HIT_LISTS} | {
        key: _count(hit.get(key)) for key in HIT_COUNTS
    }
    return view | {"installed": installed.has(view["project_id"], view["slug"], view["title"])}


def _text(value: Any) -> str | None:
    return value[:TEXT_LIMIT] if isinstance(value, str) else None


def _texts(value: Any) -> list[str]:
    return [v[:128] for v in value[:LIST_LIMIT] if isinstance(v, str)] if isinstance(value, list) else []


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else 0
