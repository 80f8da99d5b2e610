"""Check ``src`` and the docs against the house rules; exit 1 when one is broken."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.rules.check import check_source
from tools.rules.docs import check_docs


def main(arguments: list[str]) -> int:
    """Check the given folders, or ``src`` and the docs; print findings as ``path:line: rule: message``."""
    roots = [Path(a) for a in arguments] or [Path("src")]
    found = [] if arguments else check_docs(Path())
    for root in roots:
        for path in sorted(p for p in root.rglob("*.py") if "node_modules" not in p.parts):
            found += check_source(path.read_text(), path.as_posix())
    for finding in found:
        print(f"{finding.path}:{finding.line}: {finding.rule}: {finding.message}")
    print(f"house rules: {len(found)} broken" if found else "house rules: kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
