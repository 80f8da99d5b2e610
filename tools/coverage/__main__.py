"""Write ``docs/contract-coverage.md``, or with ``--check`` say whether it is true; exit 1 when it is not."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.coverage.marks import BadRows, find_marks, read_rows
from tools.coverage.report import report, unknown

ROWS = Path("docs/contracts/rows.md")
PAGE = Path("docs/contract-coverage.md")


def main(arguments: list[str], root: Path) -> int:
    """Run in a checkout's folder. Returns the exit status."""
    try:
        rows = read_rows((root / ROWS).read_text())
        files = sorted(path for path in (root / "tests").rglob("*.py") if "node_modules" not in path.parts)
        marks = [m for f in files for m in find_marks(f.read_text(), f.relative_to(root).as_posix())]
    except BadRows as problem:
        print(problem)
        return 1
    if problems := unknown(rows, marks):
        print(*problems, sep="\n")
        return 1
    page = report(rows, marks)
    if "--check" not in arguments:
        (root / PAGE).write_text(page)
    elif not (root / PAGE).exists() or (root / PAGE).read_text() != page:
        print(f"{PAGE} is out of date: run `python -m tools.coverage`")
        return 1
    print(f"contract coverage: {len({mark.row for mark in marks})} of {len(rows)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd()))
