"""The catalog documents (contract §5.5) as plain values: what can be chosen when a server is created.

Unknown keys are kept: an operator's own catalog may say more than we read.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Document = dict[str, Any]


class CatalogError(ValueError):
    """A catalog file that is not the documented shape."""


@dataclass(frozen=True)
class Entry:
    """One thing that can be chosen: a variant of a game in one version."""

    game: str
    variant: str
    version: str


def empty_games() -> Document:
    """Return the catalog of an empty store."""
    return {"games": []}


def empty_runtimes() -> Document:
    """Return the catalog of a store without development runtimes."""
    return {"runtimes": []}


def parse(text: str, *, top: str) -> Document:
    """Read a catalog whose list is called `top`; raises CatalogError."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CatalogError(f"not JSON: {error}") from error
    if not isinstance(document, dict) or not _is_named(document.get(top)):
        raise CatalogError(f"no list {top!r} of objects with an id")
    return document


def render(document: Document) -> bytes:
    """Write a catalog the same way every time."""
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def entries(document: Document) -> list[Entry]:
    """List all choices; raises CatalogError."""
    found: list[Entry] = []
    for game in document["games"]:
        if not _is_named(game.get("variants")):
            raise CatalogError(f"game {game['id']!r} has no list of variants")
        for variant in game["variants"]:
            found += [
                Entry(game["id"], variant["id"], str(version)) for version in variant.get("versions", [])
            ]
    return found


def with_versions(document: Document, game: str, variant: str, versions: Iterable[str]) -> Document:
    """Return the catalog with these versions of a variant added, newest first."""
    changed = deepcopy(document)
    place = _named(_named(changed["games"], game).setdefault("variants", []), variant)
    place["versions"] = newest_first({*place.get("versions", []), *versions})
    return changed


def with_runtime(document: Document, runtime: str, version: str) -> Document:
    """Return the runtime catalog with one version of a runtime added, newest first."""
    changed = deepcopy(document)
    place = _named(changed["runtimes"], runtime)
    place["versions"] = newest_first({*place.get("versions", []), version})
    return changed


def newest_first(versions: Iterable[str]) -> list[str]:
    """Order versions by their numbers, a release before its own pre-releases."""
    return sorted(versions, key=_order, reverse=True)


def _order(version: str) -> tuple[list[tuple[int, int, str]], str]:
    # Number parts count as numbers; words (pre, rc, beta) come before the end of the version.
    parts = re.findall(r"\d+|[A-Za-z]+", version)
    return [(2, int(part), "") if part.isdigit() else (0, 0, part) for part in parts] + [(1, 0, "")], version


def _is_named(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict) and isinstance(item.get("id"), str) for item in value
    )


def _named(items: list[Document], name: str) -> Document:
    for item in items:
        if item["id"] == name:
            return item
    items.append({"id": name})
    return items[-1]
