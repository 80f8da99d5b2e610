"""Size budgets: files, functions, route functions, patches in tests. Over a limit is refused.

Code lines of a function are its body without docstring, blank and comment lines.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_LINES = 500
FUNCTION_LINES = 60
ROUTE_LINES = 15
PATCHES_PER_100_TESTS = 10

PATCH = re.compile(r"\b(patch\(|MagicMock|AsyncMock|mocker\.|monkeypatch\.setattr)")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def code_lines(function: Function, lines: list[str]) -> int:
    """Count the code lines of a function's body."""
    body = function.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if not body:
        return 0
    span = lines[body[0].lineno - 1 : function.end_lineno]
    return sum(1 for line in span if line.strip() and not line.lstrip().startswith("#"))


def is_route(function: Function) -> bool:
    """Say whether a function is decorated as a FastAPI route."""
    return any(
        isinstance(d, ast.Call) and re.search(r"\.(get|post|put|patch|delete)$", ast.unparse(d.func))
        for d in function.decorator_list
    )


def sources(root: Path) -> Iterator[Path]:
    """Yield our own source files; packages of npm bring some of theirs."""
    yield from (path for path in sorted(root.rglob("*.py")) if "node_modules" not in path.parts)


def over(path: Path) -> Iterator[str]:
    """Yield each budget that a source file exceeds; migrations are lists of what was, not functions."""
    if path.parent.name == "versions":
        return
    lines = path.read_text().splitlines()
    if len(lines) > FILE_LINES:
        yield f"{path}: {len(lines)} lines, {FILE_LINES} allowed: split it by subject"
    for node in ast.walk(ast.parse("\n".join(lines))):
        if not isinstance(node, Function):
            continue
        size = code_lines(node, lines)
        limit = ROUTE_LINES if is_route(node) else FUNCTION_LINES
        if size > limit:
            yield f"{path}:{node.lineno}: {node.name} has {size} code lines, {limit} allowed"


def tests_over(tests: Path) -> Iterator[str]:
    """Yield a complaint when tests patch our own functions too often; print the test figures."""
    patches = count = 0
    sizes: list[int] = []
    for path in tests.rglob("*.py"):
        text = path.read_text()
        patches += len(PATCH.findall(text))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, Function) and node.name.startswith("test_"):
                count += 1
                sizes.append(code_lines(node, text.splitlines()))
    if count:
        print(
            f"tests: {count}, median {median(sizes):.0f} lines, {100 * patches / count:.1f} patches per 100"
        )
    if count and 100 * patches / count > PATCHES_PER_100_TESTS:
        yield f"{tests}: {patches} patches in {count} tests: use a real counterpart instead"


def main() -> int:
    """Check ``src``, ``tools`` and ``tests``; exit 1 when a budget is exceeded."""
    complaints = [c for root in ("src", "tools") for p in sources(Path(root)) for c in over(p)]
    complaints += [
        f"{p}: {n} lines, {FILE_LINES} allowed"
        for p in sorted(Path("tests").rglob("*.py"))
        if (n := len(p.read_text().splitlines())) > FILE_LINES
    ]
    complaints += tests_over(Path("tests"))
    print("\n".join(complaints) if complaints else "budgets: kept")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
