"""Check ``src`` against the house rules; exit 1 when one is broken."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.rules.check import check_source


def main(arguments: list[str]) -> int:
    """Check the given folders (default ``src``) and print each finding as ``path:line: rule: message``."""
    roots = [Path(a) for a in arguments] or [Path("src")]
    found = 0
    for root in roots:
        for path in sorted(p for p in root.rglob("*.py") if "node_modules" not in p.parts):
            for finding in check_source(path.read_text(), path.as_posix()):
                print(f"{finding.path}:{finding.line}: {finding.rule}: {finding.message}")
                found += 1
    print(f"house rules: {found} broken" if found else "house rules: kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
