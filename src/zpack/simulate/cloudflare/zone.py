"""One zone: its records, what may not stand beside what, and batches that happen in whole or not at all."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from zpack.simulate.cloudflare.records import Wrong, made

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.simulate.cloudflare.records import Body

BATCH_MAX = 200
FILTERED = ("name", "content", "comment")
ALIAS = frozenset({"A", "AAAA", "CNAME"})


class Zone:
    """A zone of the account."""

    def __init__(self, name: str) -> None:
        self.name = name.lower()
        self.id = secrets.token_hex(16)
        self.records: dict[str, Body] = {}

    def find(self, ident: str) -> Body:
        """Return a record. Raises Wrong."""
        if ident not in self.records:
            raise Wrong(81044, "Record does not exist.", status=404)
        return self.records[ident]

    def create(self, body: Any) -> Body:
        """Add a record. Raises Wrong."""
        return self._keep(made(body, self.name))

    def overwrite(self, ident: str, body: Any) -> Body:
        """Replace a record by another with its id. Raises Wrong."""
        old = self.find(ident)
        return self._keep(made(body, self.name, {key: old[key] for key in ("id", "created_on")}))

    def edit(self, ident: str, body: Any) -> Body:
        """Change some of a record. Raises Wrong."""
        return self._keep(made(body, self.name, self.find(ident)))

    def delete(self, ident: str) -> Body:
        """Remove a record. Raises Wrong."""
        found = self.find(ident)
        del self.records[ident]
        return found

    def batch(self, body: Any, *, half: bool = False) -> dict[str, list[Body] | None]:
        """Make deletes, patches, puts and posts, in this order, or none of them. Raises Wrong."""
        if not isinstance(body, dict):
            raise Wrong(9207, "Request body is invalid.")
        asked = {name: list(body.get(name) or ()) for name in ("deletes", "patches", "puts", "posts")}
        if sum(map(len, asked.values())) > BATCH_MAX:
            raise Wrong(9300, f"A batch may have at most {BATCH_MAX} operations.")
        if half:
            asked = {name: rows[: len(rows) // 2] for name, rows in asked.items()}
        before = dict(self.records)
        try:
            done = {
                "deletes": [self.delete(_ident(one)) for one in asked["deletes"]],
                "patches": [self.edit(_ident(one), one) for one in asked["patches"]],
                "puts": [self.overwrite(_ident(one), one) for one in asked["puts"]],
                "posts": [self.create(one) for one in asked["posts"]],
            }
        except Wrong:
            self.records = before
            raise
        return {name: rows or None for name, rows in done.items()}

    def select(self, query: Mapping[str, str]) -> list[Body]:
        """Return the records that a list's parameters ask for, by name and type."""
        tests = [test for test in (_test(key, value) for key, value in query.items()) if test is not None]
        some = any if query.get("match") == "any" and tests else all
        found = [one for one in self.records.values() if some(_holds(one, *test) for test in tests)]
        return sorted(found, key=lambda one: (one["name"], one["type"], one["content"]))

    def _keep(self, record: Body) -> Body:
        """Store a record unless it collides with another. Raises Wrong."""
        for one in self.records.values():
            if one["id"] == record["id"] or one["name"] != record["name"]:
                continue
            if (one["type"], one["content"]) == (record["type"], record["content"]):
                raise Wrong(81058, "An identical record already exists.")
            if "CNAME" in {one["type"], record["type"]} and {one["type"], record["type"]} <= ALIAS:
                raise Wrong(81053, "An A, AAAA, or CNAME record with that host already exists.")
        self.records[record["id"]] = record
        return record


def _ident(body: Any) -> str:
    return str(body.get("id")) if isinstance(body, dict) else ""


def _test(key: str, value: str) -> tuple[str, str, str] | None:
    """Return field, manner and value of a parameter that filters."""
    if key == "type":
        return "type", "exact", value
    field, _, manner = key.partition(".")
    return (field, manner or "exact", value.lower()) if field in FILTERED else None


def _holds(record: Body, field: str, manner: str, value: str) -> bool:
    text = record.get(field)
    if manner in {"absent", "present"}:
        return (text is None) == (manner == "absent")
    has = str(text or "") if field == "type" else str(text or "").lower()
    return {
        "exact": has == value,
        "contains": value in has,
        "startswith": has.startswith(value),
        "endswith": has.endswith(value),
    }.get(manner, False)
