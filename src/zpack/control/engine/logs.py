"""Our log lines: as Python writes them, with the id of the request in whose course something is said."""

from __future__ import annotations

import logging
import sys

from zpack.control.engine.request import current_request

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(request)s%(message)s"


class NamedLines(logging.Formatter):
    """Puts ``[req_…]`` before what is said within a request, or within the operation it began."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        found = current_request.get()
        record.request = f"[{found}] " if found else ""
        return super().format(record)


def begin_logging(level: str) -> None:
    """Send everything from this level on to stderr."""
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setFormatter(NamedLines(FORMAT))
    logging.basicConfig(level=level, handlers=[stderr])
