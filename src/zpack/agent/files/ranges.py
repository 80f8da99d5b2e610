"""Reads ``Range`` and ``If-Range`` (RFC 9110 §14). Pure."""

from __future__ import annotations

import re

ONE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")


class Unsatisfiable(Exception):
    """The range lies behind the end."""


def wanted(header: str | None, *, size: int, if_range: str | None, etag: str) -> tuple[int, int] | None:
    """Return the first byte and the number of bytes; None for all of it. Raises :class:`Unsatisfiable`.

    What is no single range of bytes is ignored, as is a range of another version of the file.
    """
    if header is None or (if_range is not None and if_range != etag):
        return None
    found = ONE.fullmatch(header)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size - 1
        if int(found[2]) == 0:
            raise Unsatisfiable
    else:
        start, end = int(found[1]), min(int(found[2] or size), size - 1)
        if found[2] and int(found[2]) < start:
            return None
    if start >= size:
        raise Unsatisfiable
    return start, end - start + 1
