"""Writes the headers of a tar archive; ours are compared with, never parsed. Pure.

POSIX.1-2001 (pax), so that any tar can open a backup. Python's ``tarfile`` may change what it writes from one
version to the next, and an archive must still be byte for byte what a later agent expects.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zpack.agent.backups.manifest import Item

BLOCK = 512
END = bytes(2 * BLOCK)
NAME_BYTES = 100
OCTAL_11 = 8**11 - 1
TYPES = {"file": b"0", "folder": b"5", "link": b"2"}
NANOSECONDS = 1_000_000_000


def padding(size: int) -> bytes:
    """Return what fills content up to a whole block."""
    return bytes(-size % BLOCK)


def header(item: Item) -> bytes:
    """Return everything that stands before an item's content."""
    name = os.fsencode(item.path) + (b"/" if item.kind == "folder" else b"")
    target = os.fsencode(item.target)
    extra: dict[bytes, bytes] = {}
    if len(name) > NAME_BYTES:
        extra[b"path"] = name
    if len(target) > NAME_BYTES:
        extra[b"linkpath"] = target
    if item.size > OCTAL_11:
        extra[b"size"] = str(item.size).encode()
    seconds = item.mtime // NANOSECONDS
    block = _block(name, TYPES[item.kind], mode=item.mode, size=item.size, mtime=seconds, target=target)
    return (_extended(extra) if extra else b"") + block


def _extended(records: dict[bytes, bytes]) -> bytes:
    body = b"".join(_record(key, value) for key, value in records.items())
    return _block(b"pax", b"x", mode=0o644, size=len(body)) + body + padding(len(body))


def _record(key: bytes, value: bytes) -> bytes:
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


def _block(name: bytes, kind: bytes, *, mode: int, size: int, mtime: int = 0, target: bytes = b"") -> bytes:
    fields = (
        name[:NAME_BYTES].ljust(NAME_BYTES, b"\0"),
        _octal(mode, 8),
        _octal(0, 8),
        _octal(0, 8),
        _octal(min(size, OCTAL_11), 12),
        _octal(min(mtime, OCTAL_11), 12),
        b" " * 8,
        kind,
        target[:NAME_BYTES].ljust(NAME_BYTES, b"\0"),
        b"ustar\0" + b"00",
    )
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _octal(number: int, width: int) -> bytes:
    return b"%0*o\0" % (width - 1, number)
