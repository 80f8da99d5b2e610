"""The agent's log: one JSON object a line on stderr, of bounded size, without secrets."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

MAX_TEXT = 4000
MAX_TRACE = 8000
MIN_SECRET = 4
"""Shorter ones cannot be told from ordinary words."""
BEARER = re.compile(r"(?i)(bearer[\s:='\"]+)[^\s'\"]+")
MASK = "[secret]"

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id that control gave the request in whose course something is logged."""
_secrets: set[str] = set()


def hide(secret: str) -> None:
    """Never let a text appear in a line again, in any way that Python or JSON would write it."""
    if len(secret) >= MIN_SECRET:
        _secrets.update((secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]))


def begin_logging() -> None:
    """Send everything that is logged to stderr; systemd's journal or whoever started the agent keeps it."""
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[stderr], force=True)


class JsonLines(logging.Formatter):
    """Renders a record as ``{ts, level, logger, msg}``, with ``requestId`` and ``trace`` where there are."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": _scrubbed(_message(record))[:MAX_TEXT],
        }
        if found := request_id.get():
            line["requestId"] = found
        if record.exc_info:
            line["trace"] = _scrubbed(self.formatException(record.exc_info))[-MAX_TRACE:]
        return json.dumps(line)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a library's wrong format must not cost us the event
        return str(record.msg)


def _scrubbed(text: str) -> str:
    """Take secrets out; before anything is cut, for half a secret is one too."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return BEARER.sub(rf"\1{MASK}", text)
