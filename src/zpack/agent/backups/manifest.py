"""What an archive holds, one JSON line an item, in the order of the archive. Pure.

A line is believed only after it passed here; the archive beside it is then compared, byte for byte, with what
these lines say it must be.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from zpack.agent.problems import Refusal
from zpack.agent.rooted.paths import OutsideRoot, names_of

Kind = Literal["file", "folder", "link"]

MAX_LINE = 16 * 1024
MAX_TARGET = 1024
MAX_MODE = 0o777
SHA256 = re.compile(r"[0-9a-f]{64}")
TARGET = re.compile(r"[^\x00-\x1f\x7f\\]+")
NUMBERS = frozenset({"mode", "mtime", "size"})
FIELDS: dict[str, frozenset[str]] = {
    "file": frozenset({"path", "kind", "mode", "mtime", "size", "sha256"}),
    "folder": frozenset({"path", "kind", "mode", "mtime"}),
    "link": frozenset({"path", "kind", "mode", "mtime", "target"}),
}


class Damaged(Refusal):
    """A backup is not what its manifest says, or its manifest is none."""

    kind = "conflict"
    code = "backup_damaged"


@dataclass(frozen=True)
class Item:
    """One file, folder or link. ``mtime`` is in nanoseconds."""

    path: str
    kind: Kind
    mode: int
    mtime: int
    size: int = 0
    sha256: str = ""
    target: str = ""

    def as_line(self) -> bytes:
        """The line in the manifest."""
        fields = {name: getattr(self, name) for name in FIELDS[self.kind]}
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def parse_line(line: bytes) -> Item:
    """Check one line. Raises :class:`Damaged`."""
    try:
        found: Any = json.loads(line) if line.endswith(b"\n") and len(line) <= MAX_LINE else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or frozenset(found) != FIELDS.get(str(found.get("kind"))):
        raise Damaged("the manifest has a line that is none")
    _check_types(found)
    item = Item(**found)
    _check(item)
    if item.as_line() != line:  # one text for one meaning: no double keys, no second spelling
        raise Damaged("the manifest has a line that zpack does not write")
    return item


def safe_target(path: str, target: str) -> bool:
    """Say whether a link stays below the root: relative, with ``..`` only in front, and not too many."""
    if not TARGET.fullmatch(target) or len(target) > MAX_TARGET or target.startswith("/"):
        return False
    parts = target.split("/")
    ups = next((n for n, part in enumerate(parts) if part != ".."), len(parts))
    if ups > path.count("/"):
        return False
    try:
        names_of("/".join(parts[ups:]))
    except OutsideRoot:
        return False
    return True


class Order:
    """Items come as a sorted walk finds them: folders before what they hold, nothing twice."""

    def __init__(self) -> None:
        self._last: tuple[str, ...] = ()
        self._folder: tuple[str, ...] = ()

    def accept(self, item: Item) -> tuple[str, ...]:
        """Return the item's names. Raises :class:`Damaged` when it cannot come here."""
        try:
            names = names_of(item.path)
        except OutsideRoot as error:
            msg = f"the manifest has a path that is none: {error.message}"
            raise Damaged(msg) from error
        if not self._last < names:
            raise Damaged("the manifest is not in order, or has something twice")
        parent = names[:-1]
        if self._folder[: len(parent)] != parent:
            raise Damaged("the manifest puts something into a folder that it does not have")
        self._last = names
        self._folder = names if item.kind == "folder" else parent
        return names


def _check_types(fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if type(value) is not (int if name in NUMBERS else str):
            msg = f"the manifest has a {name} that is none"
            raise Damaged(msg)


def _check(item: Item) -> None:
    if not (0 <= item.mode <= MAX_MODE and 0 <= item.size < 2**63 and 0 <= item.mtime < 2**63):
        raise Damaged("the manifest has a number that cannot be")
    if item.kind == "file" and not SHA256.fullmatch(item.sha256):
        raise Damaged("the manifest has a checksum that is none")
    if item.kind == "link" and not safe_target(item.path, item.target):
        raise Damaged("the manifest has a link that leads out")
