"""Paths as a page shows and links them: every name is a stranger's."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from urllib.parse import urlencode

HIDDEN = {"Cc", "Cf", "Co", "Cn", "Zl", "Zp"}
"""Categories of Unicode that a name could hide behind or turn the page around with."""


@dataclass(frozen=True)
class Crumb:
    """One step on the way down to a folder."""

    name: str
    path: str


def shown(name: str) -> str:
    """Return a name with what cannot be seen in it made visible."""
    return "".join(f"\u2039U+{ord(c):04X}\u203a" if unicodedata.category(c) in HIDDEN else c for c in name)


def plain(name: str) -> str:
    """Return a name without what cannot be seen in it."""
    return "".join(c for c in name if unicodedata.category(c) not in HIDDEN)


def crumbs(path: str) -> list[Crumb]:
    """Return the folders that a path goes through, itself the last."""
    names = [name for name in path.split("/") if name]
    return [Crumb(name, "/".join(names[: n + 1])) for n, name in enumerate(names)]


def parent(path: str) -> str:
    """Return the folder that a path is in."""
    return path.rpartition("/")[0]


def beneath(folder: str, name: str) -> str:
    """Return the path of a name in a folder."""
    return f"{folder}/{name}" if folder else name


def at(base: str, verb: str, path: str) -> str:
    """Return the address of one of our pages about a path."""
    to = f"{base}/files/{verb}" if verb else f"{base}/files"
    return f"{to}?{urlencode({'path': path})}" if path else to
