"""Where files came from: ``.zlh_metadata.json`` says it, nothing is inferred from names (contract §4.5)."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any, Literal

from zpack.agent.files.beside import Beside
from zpack.agent.files.policy import METADATA
from zpack.agent.files.shadow import read_all
from zpack.agent.problems import Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from zpack.agent.files.leftovers import Leftovers
    from zpack.agent.rooted.root import Root

MAX_BYTES = 1024 * 1024
MAX_ENTRIES = 5000


class Provenance:
    """Reads and writes the record. The game can write it too, so it may hold anything."""

    def __init__(self, *, leftovers: Leftovers) -> None:
        self._leftovers = leftovers
        self._changing = threading.Lock()

    def read(self, root: Root) -> dict[str, dict[str, Any]]:
        """Return what is recorded; nothing when the record is damaged."""
        with contextlib.suppress(Refusal, ValueError, RecursionError):
            found = json.loads(read_all(root, METADATA, limit=MAX_BYTES))
            if isinstance(found, dict):
                return {path: about for path, about in found.items() if isinstance(about, dict)}
        return {}

    @staticmethod
    def source(record: dict[str, dict[str, Any]], path: str) -> Literal["user"] | None:
        """Return ``"user"`` when a person uploaded it, else nothing."""
        return "user" if record.get(path, {}).get("source") == "user" else None

    def uploaded(self, root: Root, path: str, *, at: str, folder: Path) -> None:
        """Record an upload. Raises refusals."""
        with self._changing:
            about = {"source": "user", "uploaded_at": at}
            self._write(root, self.read(root) | {path: about}, folder=folder)

    def removed(self, root: Root, path: str, *, folder: Path) -> None:
        """Forget a file that is no more. Raises refusals."""
        with self._changing:
            if path in (record := self.read(root)):
                self._write(root, record, folder=folder)

    def _write(self, root: Root, record: dict[str, dict[str, Any]], *, folder: Path) -> None:
        kept = {path: about for path, about in record.items() if _is_there(root, path)}
        newest = dict(list(kept.items())[-MAX_ENTRIES:])
        with Beside(root, METADATA, folder=folder, leftovers=self._leftovers) as beside:
            beside.write(json.dumps(newest, indent=1).encode())
            beside.commit(replace=True)


def _is_there(root: Root, path: str) -> bool:
    try:
        root.stat(path)
    except Refusal:
        return False
    return True
