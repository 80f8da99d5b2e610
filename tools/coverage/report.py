"""Write ``docs/contract-coverage.md``: every row with its tests. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.coverage.marks import Mark, Row

HEAD = """# Contract coverage

Which tests hold which row of the contract. Generated from the `seed` marks of the tests by
`python -m tools.coverage`; `make check` fails when it is out of date. The rows are those of
[contracts/rows.md](contracts/rows.md).
"""


def unknown(rows: Sequence[Row], marks: Sequence[Mark]) -> list[str]:
    """Return a line for each mark that names no row."""
    known = {row.id for row in rows}
    return [f"{mark.test}: there is no row {mark.row}" for mark in marks if mark.row not in known]


def report(rows: Sequence[Row], marks: Sequence[Mark]) -> str:
    """Return the page: rows in their order, tests by name."""
    held = {row.id: sorted(mark.test for mark in marks if mark.row == row.id) for row in rows}
    done = sum(1 for tests in held.values() if tests)
    parts = [HEAD, f"{done} of {len(rows)} rows have a test.\n"]
    for group, members in groupby(rows, key=lambda row: row.group):
        parts.append(f"## {group}\n\n| row | statement | tests |\n| --- | --- | --- |")
        parts.extend(f"| {row.id} | {row.statement} | {_tests(held[row.id])} |" for row in members)
        parts.append("")
    return "\n".join(parts)


def _tests(names: Sequence[str]) -> str:
    return "<br>".join(f"`{name.removeprefix('tests/')}`" for name in names) or "none yet"
