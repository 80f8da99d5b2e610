"""Read the contract's rows, and the marks of the tests that name them: pure, nothing is imported or run."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROW = re.compile(r"^\| (S\d+) \| (.+?) \| (.+?) \|$")
GROUP = re.compile(r"^## (.+)$")
Marked = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class BadRows(ValueError):
    """The list of rows, or a mark, is not well formed."""


@dataclass(frozen=True)
class Row:
    """One statement of the contract: ``group`` is its heading, ``where`` the sections that specify it."""

    id: str
    statement: str
    where: str
    group: str


@dataclass(frozen=True)
class Mark:
    """A test (``file::Class::function``) names a row."""

    row: str
    test: str


def read_rows(text: str) -> list[Row]:
    """Return the rows of ``docs/contracts/rows.md``. Raises BadRows on a repeated id."""
    rows: list[Row] = []
    group = ""
    for line in text.splitlines():
        if heading := GROUP.match(line):
            group = heading[1]
        elif found := ROW.match(line):
            rows.append(Row(found[1], found[2], found[3], group))
    ids = [row.id for row in rows]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise BadRows(f"these rows are listed twice: {', '.join(twice)}")
    return rows


def find_marks(source: str, path: str) -> Iterator[Mark]:
    """Yield every mark of a test file: on functions, on classes, on parameters, and as ``pytestmark``.

    Raises BadRows for a mark whose ids are no plain strings.
    """
    tree = ast.parse(source)
    whole = [i for node in tree.body if _is_pytestmark(node) for i in _ids(node, path)]
    yield from _within(tree.body, path, path, whole)


def _within(body: list[ast.stmt], path: str, prefix: str, inherited: Iterable[str]) -> Iterator[Mark]:
    """Yield the marks below ``prefix``; those of a file or a class are those of each of its tests."""
    for node in body:
        if not isinstance(node, Marked):
            continue
        own = [*inherited, *(i for decorator in node.decorator_list for i in _ids(decorator, path))]
        name = f"{prefix}::{node.name}"
        if isinstance(node, ast.ClassDef):
            more = [i for inner in node.body if _is_pytestmark(inner) for i in _ids(inner, path)]
            yield from _within(node.body, path, name, [*own, *more])
        elif node.name.startswith("test"):
            yield from (Mark(row, name) for row in dict.fromkeys(own))


def _is_pytestmark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
    )


def _ids(node: ast.AST, path: str) -> Iterator[str]:
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or not ast.unparse(call.func).endswith("mark.seed"):
            continue
        for argument in call.args:
            if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
                raise BadRows(f"{path}:{call.lineno}: a seed mark takes plain strings")
            yield argument.value
