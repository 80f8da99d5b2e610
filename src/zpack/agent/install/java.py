"""Decides which Java a version runs on, by a table that is data. Pure but for reading the table."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("java.toml")
SNAPSHOT = re.compile(r"(\d{2})w(\d{2})[a-z]?")
RELEASE = re.compile(r"\d+(?:\.\d+){0,3}")
VERSION_LINE = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True)
class JavaRule:
    """The Java of a range of versions."""

    since: tuple[int, ...]
    major: int
    accepts: tuple[int, ...]


class JavaTable:
    """The rules, newest first, for releases and for weekly snapshots."""

    def __init__(self, *, path: Path = TABLE) -> None:
        content = tomllib.loads(path.read_text())
        self._rules = {
            kind: tuple(
                JavaRule(_numbers(row["from"]), row["major"], tuple(row["accepts"])) for row in content[kind]
            )
            for kind in ("release", "snapshot")
        }

    def rule(self, version: str) -> JavaRule:
        """Return the rule of a version; a name that is no version is taken for the newest.

        A pre-release (``1.20.5-pre1``) counts as its release.
        """
        snapshot, release = SNAPSHOT.match(version), RELEASE.match(version)
        rules = self._rules["snapshot" if snapshot else "release"]
        if not snapshot and not release:
            return rules[0]
        wanted = _numbers(snapshot[0] if snapshot else version[: release.end()] if release else "")
        return next((rule for rule in rules if rule.since <= wanted), rules[-1])


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


def java_major(said: str) -> int | None:
    """Return the major version in what ``java -version`` says."""
    found = VERSION_LINE.search(said)
    return int(found[1]) if found else None
