"""Reads ``SHA256SUMS``. Pure."""

from __future__ import annotations

import re

from zpack.agent.problems import WorkloadError

LINE = re.compile(r"(?P<sum>[0-9a-fA-F]{64})[ \t]+\*?(?:\./)?(?P<path>\S.*)")


def parse_checksums(text: str) -> dict[str, str]:
    """Return path to lower-case checksum. Raises :class:`WorkloadError` when the list contradicts itself."""
    sums: dict[str, str] = {}
    for line in text.splitlines():
        found = LINE.fullmatch(line.strip())
        if not found:
            continue
        path, value = found["path"], found["sum"].lower()
        if sums.setdefault(path, value) != value:
            msg = f"SHA256SUMS lists {path} twice with different checksums"
            raise WorkloadError(msg)
    return sums


def checksum_of(sums: dict[str, str], path: str) -> str:
    """Return the listed checksum. Raises :class:`WorkloadError` when the path is not listed."""
    if path not in sums:
        msg = f"{path} is not listed in the artifact store's SHA256SUMS, so it cannot be verified"
        raise WorkloadError(msg)
    return sums[path]
