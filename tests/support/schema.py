"""``python -m tests.support.schema``: migrate a fresh database and fail when tables and schema differ."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.support.postgres import fresh_database, postgres
from zpack.control.db.migrations import differences, migrate


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="zpack-schema-") as folder, postgres(Path(folder)) as server:
        Path(folder).chmod(0o711)
        with fresh_database(server) as url:
            migrate(url)
            found = differences(url)
    sys.stderr.write(f"{found}\n" if found else "tables and schema agree\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
