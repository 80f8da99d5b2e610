"""The firewall: what is configured, what is live since the last apply, and the way back.

A savepoint remembers the configuration. An apply that names one goes back to it by itself after a while,
unless the roll-back is cancelled: whoever locks themselves out need only wait.
"""

from __future__ import annotations

import copy
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zpack.simulate.opnsense.items import ALIAS, FORWARD, RULE, Item, Kind, complaints, flat

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: dict[str, Kind] = {"d_nat": FORWARD, "filter": RULE, "alias": ALIAS}
Tables = dict[str, dict[str, Item]]
MOST_SAVEPOINTS = 60
FAILED: dict[str, Any] = {"result": "failed"}


def _tables() -> Tables:
    return {name: {} for name in KINDS}


@dataclass
class Firewall:
    """One firewall. ``rollback_seconds`` pass between an apply with a savepoint and its roll-back."""

    rollback_seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    configured: Tables = field(default_factory=_tables)
    live: Tables = field(default_factory=_tables)
    savepoints: dict[str, Tables] = field(default_factory=dict[str, Tables])
    doomed: tuple[str, float] | None = None
    """The savepoint that will come back, and when."""

    def add(self, name: str, body: Any) -> dict[str, Any]:
        """Add an item; the answer carries its UUID, or what is wrong."""
        return self._write(name, str(uuid.uuid4()), body, {})

    def change(self, name: str, ident: str, body: Any) -> dict[str, Any]:
        """Change the given fields of an item and keep the others; an unknown UUID is ``failed``."""
        before = self.configured[name].get(ident)
        return dict(FAILED) if before is None else self._write(name, ident, body, before)

    def remove(self, name: str, ident: str) -> dict[str, Any]:
        """Remove an item. Raises InUse."""
        item = self.configured[name].get(ident)
        if item is None:
            return {"result": "not found"}
        if name == "alias" and self._users(item["name"]):
            raise InUse(item["name"])
        del self.configured[name][ident]
        return {"result": "deleted"}

    def toggle(self, name: str, ident: str, wanted: str | None) -> dict[str, Any]:
        """Enable or disable an item, or turn it over."""
        item = self.configured[name].get(ident)
        if item is None:
            return dict(FAILED)
        flag, on = ("disabled", "0") if name == "d_nat" else ("enabled", "1")
        now = item.get(flag, KINDS[name].fields[flag].default) == on
        enabled = (not now) if wanted is None else wanted == "1"
        item[flag] = on if enabled else str(1 - int(on))
        return {"result": "Enabled" if enabled else "Disabled", "changed": enabled != now}

    def savepoint(self) -> str:
        """Remember the configuration; return the revision."""
        revision = f"{time.time():.4f}{len(self.savepoints) % 10}"
        self.savepoints[revision] = copy.deepcopy(self.configured)
        while len(self.savepoints) > MOST_SAVEPOINTS:
            self.savepoints.pop(next(iter(self.savepoints)))
        return revision

    def apply(self, revision: str | None) -> None:
        """Make the configuration live."""
        self.live = copy.deepcopy(self.configured)
        if revision in self.savepoints:
            self.doomed = (revision, self.clock() + self.rollback_seconds)

    def cancel(self, revision: str) -> bool:
        """Let the last apply stay; False when no roll-back to this revision is due."""
        found = self.doomed is not None and self.doomed[0] == revision
        if found:
            self.doomed = None
        return found

    def revert(self, revision: str) -> bool:
        """Go back to a savepoint at once; False when there is none."""
        if revision not in self.savepoints:
            return False
        self.configured = copy.deepcopy(self.savepoints[revision])
        self.live = copy.deepcopy(self.configured)
        self.doomed = None
        return True

    def pass_time(self) -> None:
        """Go back when it is time to."""
        if self.doomed is not None and self.clock() >= self.doomed[1]:
            self.revert(self.doomed[0])

    def names(self) -> set[str]:
        """Return the aliases' names."""
        return {item["name"] for item in self.configured["alias"].values()}

    def _write(self, name: str, ident: str, body: Any, before: Item) -> dict[str, Any]:
        kind = KINDS[name]
        given = body.get(kind.key) if isinstance(body, dict) else None
        if not isinstance(given, dict) or not given:
            return dict(FAILED)
        try:
            item = before | {key: value for key, value in flat(given).items() if key in kind.fields}
        except ValueError:
            return dict(FAILED)
        wrong = complaints(kind, item, self.names()) | self._twice(name, ident, item)
        if wrong:
            return FAILED | {"validations": wrong}
        self.configured[name][ident] = item
        return {"result": "saved", "uuid": ident}

    def _twice(self, name: str, ident: str, item: Item) -> dict[str, str]:
        unique = KINDS[name].unique
        others = [one for key, one in self.configured[name].items() if key != ident]
        if unique and any(one[unique] == item.get(unique) for one in others):
            return {f"{KINDS[name].key}.{unique}": "An alias with this name already exists."}
        return {}

    def _users(self, alias: str) -> bool:
        """Say whether a rule leads from or to an alias; one that only describes it does not use it."""
        return any(
            item.get(field) == alias
            for name in ("d_nat", "filter")
            for item in self.configured[name].values()
            for field, spec in KINDS[name].fields.items()
            if spec.kind == "network"
        )


class InUse(Exception):
    """An alias that a rule names is not removed."""
