"""What the simulated account holds: objects by id, private notes beside them, kept in SQLite if wanted."""

from __future__ import annotations

import json
import secrets
import sqlite3
import string
from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.errors import missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Body = dict[str, Any]
LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """Return a fresh id such as ``cus_…``."""
    return f"{prefix}_{''.join(secrets.choice(LETTERS) for _ in range(length))}"


def copied(value: Any) -> Any:
    """Return a copy of JSON that shares nothing with it."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


class Store:
    """Objects of every kind in the order they were made. Changes reach the file at ``flush``."""

    def __init__(self, file: Path | None = None) -> None:
        self._kinds: dict[str, dict[str, Body]] = {}
        self._where: dict[str, str] = {}
        self._notes: dict[str, Body] = {}
        self._dirty: set[tuple[str, str]] = set()
        self._file: sqlite3.Connection | None = None
        if file is not None:
            self._file = sqlite3.connect(file)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS objects"
                " (place INTEGER PRIMARY KEY, kind TEXT, id TEXT, body TEXT, UNIQUE (kind, id))"
            )
            for kind, ident, body in self._file.execute("SELECT kind, id, body FROM objects ORDER BY place"):
                self._remember(kind, ident, json.loads(body))

    def put(self, body: Body, *, kind: str | None = None) -> Body:
        """Keep an object, new or changed, and return it."""
        self._remember(kind or body["object"], body["id"], body)
        self._dirty.add((kind or body["object"], body["id"]))
        return body

    def drop(self, kind: str, ident: str) -> None:
        """Forget an object."""
        self._kinds.get(kind, {}).pop(ident, None)
        self._where.pop(ident, None)
        self._dirty.add((kind, ident))

    def size(self, kind: str) -> int:
        """Return how many objects of a kind there are."""
        return len(self._kinds.get(kind, {}))

    def trim(self, kind: str, most: int) -> None:
        """Forget the oldest objects of a kind that are too many."""
        rows = self._kinds.get(kind, {})
        while len(rows) > most:
            self.drop(kind, next(iter(rows)))

    def get(self, kind: str, ident: str | None, *, param: str | None = None) -> Body:
        """Return an object. Raises ApiError: 404, or 400 when ``param`` names it."""
        found = self._kinds.get(kind, {}).get(ident or "")
        if found is None:
            raise missing(kind, ident or "", param=param or "id", status=400 if param else 404)
        return found

    def find(self, kind: str, ident: str | None) -> Body | None:
        """Return an object, or None."""
        return self._kinds.get(kind, {}).get(ident or "")

    def anywhere(self, ident: str) -> Body | None:
        """Return the object of an id, whatever its kind is."""
        kind = self._where.get(ident)
        return self._kinds[kind].get(ident) if kind else None

    def all(self, kind: str) -> Iterator[Body]:
        """Yield the objects of a kind, oldest first."""
        yield from list(self._kinds.get(kind, {}).values())

    def everything(self) -> Iterator[Body]:
        """Yield every object that a caller could see."""
        for kind in list(self._kinds):
            if not kind.startswith("_"):
                yield from self.all(kind)

    def note(self, ident: str) -> Body:
        """Return what we know of an object that its owner does not see; changes to it are kept."""
        self._dirty.add(("_note", ident))
        return self._notes.setdefault(ident, {})

    def peek(self, ident: str) -> Body:
        """Return what we know of an object, only to look at it."""
        return self._notes.get(ident, {})

    def flush(self) -> None:
        """Write what changed to the file."""
        dirty, self._dirty = self._dirty, set()
        if self._file is None or not dirty:
            return
        with self._file:
            for kind, ident in sorted(dirty):
                body = self._notes.get(ident) if kind == "_note" else self.find(kind, ident)
                self._write(kind, ident, body)

    def close(self) -> None:
        """Write what changed and let go of the file."""
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _remember(self, kind: str, ident: str, body: Body) -> None:
        if kind == "_note":
            self._notes[ident] = body
            return
        self._kinds.setdefault(kind, {})[ident] = body
        self._where[ident] = kind

    def _write(self, kind: str, ident: str, body: Body | None) -> None:
        if self._file is None:
            return
        if body is None:
            self._file.execute("DELETE FROM objects WHERE kind = ? AND id = ?", (kind, ident))
            return
        self._file.execute(
            "INSERT INTO objects (kind, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, ident, json.dumps(body)),
        )
