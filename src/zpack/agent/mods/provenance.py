"""Who brought a file: ``.zlh_metadata.json`` in the server's folder (contract §4.5).

The game can write there too, so nothing read from it is believed further than its type; and what was written
of a mod counts only as long as the file is the one it was written of.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from zpack.agent.rooted.paths import Missing, NotAFile, OutsideRoot

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.agent.rooted.root import Root

FILE = ".zlh_metadata.json"
BESIDE = ".zlh_metadata.json.new"
MAX_BYTES = 4 * 1024 * 1024
TEXTS = ("source", "name", "project_id", "version_id")
MAX_TEXT = 128


class Provenance:
    """The record of one server. Read and written within one turn of the loop, or under the operation lock."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def told(self) -> Callable[[str, str | None], dict[str, str]]:
        """Read it once; return what tells ``source, name, project_id, version_id`` of a path and its hash.

        What is not known, or no longer true, is left out.
        """
        entries = self._read()

        def of(path: str, sha512: str | None) -> dict[str, str]:
            entry = entries.get(path)
            if not isinstance(entry, dict) or ("sha512" in entry and entry["sha512"] != sha512):
                return {}
            return {key: value for key in TEXTS if isinstance(value := entry.get(key), str) and _fit(value)}

        return of

    def note(self, path: str, entry: dict[str, Any]) -> None:
        """Write what is known of a file. Raises refusals and ``OSError``."""
        self._write({**self._read(), path: entry})

    def move(self, path: str, target: str) -> None:
        """Follow a file that was moved. Raises refusals and ``OSError``."""
        entries = self._read()
        if path in entries:
            entries[target] = entries.pop(path)
            self._write(entries)

    def _read(self) -> dict[str, Any]:
        try:
            descriptor = self._root.open_file(FILE, os.O_RDONLY)
        except (Missing, NotAFile, OutsideRoot):
            return {}
        with os.fdopen(descriptor, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
        try:
            found = json.loads(raw) if len(raw) <= MAX_BYTES else {}
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, entries: dict[str, Any]) -> None:
        with contextlib.suppress(Missing):
            self._root.unlink(BESIDE)
        descriptor = self._root.open_file(BESIDE, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(entries, indent=2, sort_keys=True).encode())
            file.flush()
            os.fsync(file.fileno())
        self._root.rename(BESIDE, FILE)


def _fit(value: str) -> bool:
    return len(value) <= MAX_TEXT and value.isprintable()
