"""Order and shape of the catalog: pure."""

from __future__ import annotations

import re
from typing import Any

TYPO = "pupur"
NUMBER = re.compile(r"\d+")


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key: numbers by value, so 1.9 comes before 1.21; a pre-release before its release."""
    parts = re.split(r"[.+_-]", version)
    key = [(1, int(part), "") if NUMBER.fullmatch(part) else (0, 0, part) for part in parts]
    return (*key, (1, -1, ""))


def game_wire(catalog: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
    """Return the body of ``GET /api/catalog/game``: no empties, no typo, versions in semantic order."""
    games: list[dict[str, Any]] = []
    for game, variants in sorted(catalog.items()):
        rows = [
            {"id": variant, "versions": sorted(set(versions), key=version_key)}
            for variant, versions in sorted(variants.items())
            if versions and variant != TYPO
        ]
        if rows:
            games.append({"id": game, "variants": rows})
    return {"games": games}


def dev_wire(catalog: dict[str, list[str]]) -> dict[str, Any]:
    """Return the body of ``GET /api/catalog/dev``."""
    runtimes = [
        {"id": runtime, "versions": sorted(set(versions), key=version_key)}
        for runtime, versions in sorted(catalog.items())
        if versions
    ]
    return {"runtimes": runtimes}
