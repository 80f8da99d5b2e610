"""What is passed on of an agent's headers, and how much of a body. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zpack.wire.attachment import SAFE_HEADERS, disposition

if TYPE_CHECKING:
    from collections.abc import Mapping

MIB = 1 << 20
UPLOAD_LIMIT = 2049 * MIB
WRITE_LIMIT = 64 * MIB
PATH_LIMIT = 1024
ANSWER_LIMIT = 8 * MIB
PASSED_ON: dict[str, re.Pattern[str]] = {
    "Content-Length": re.compile(r"\d{1,15}"),
    "Content-Range": re.compile(r"bytes \d{1,15}-\d{1,15}/\d{1,15}"),
    "ETag": re.compile(r'"[\x21\x23-\x7e]{1,128}"'),
    "Last-Modified": re.compile(r"[A-Za-z]{3}, \d\d [A-Za-z]{3} \d{4} \d\d:\d\d:\d\d GMT"),
}
ASKED_WITH: dict[str, re.Pattern[str]] = {
    "Range": re.compile(r"[\x20-\x7e]{1,200}"),
    "If-Range": re.compile(r"[\x20-\x7e]{1,200}"),
}
CONDITIONS: dict[str, re.Pattern[str]] = {
    "If-Match": re.compile(r"[\x20-\x7e]{1,400}"),
    "If-None-Match": re.compile(r"[\x20-\x7e]{1,400}"),
}


def conditions(given: Mapping[str, str]) -> dict[str, str] | None:
    """Return which version of a file a change is about, for the agent to compare; None for no tags."""
    found = _allowed(given, CONDITIONS)
    return found if all(name in found for name in CONDITIONS if name in given) else None


def asked_headers(given: Mapping[str, str]) -> dict[str, str]:
    """Return what a download's request may say to the agent."""
    return _allowed(given, ASKED_WITH)


def shown_headers(given: Mapping[str, str], *, path: str) -> dict[str, str]:
    """Return the headers of a download: safe ones of our own, and what is believed of the agent's."""
    return SAFE_HEADERS | {"Content-Disposition": disposition(path)} | _allowed(given, PASSED_ON)


def _allowed(given: Mapping[str, str], allowed: Mapping[str, re.Pattern[str]]) -> dict[str, str]:
    return {
        name: value
        for name, pattern in allowed.items()
        if (value := given.get(name)) is not None and pattern.fullmatch(value)
    }
