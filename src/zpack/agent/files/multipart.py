"""Takes the one file out of a ``multipart/form-data`` body while it flows. Pure: bytes in, bytes out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zpack.agent.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUNDARY = re.compile(
    r"""multipart/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;",]{1,70})(?=[\s;,]|$))""", re.IGNORECASE
)
FILE = re.compile(rb"^content-disposition:[^\n]*\bfilename\*?=", re.IGNORECASE | re.MULTILINE)
MAX_HEADERS = 16 * 1024
MAX_OTHER = 64 * 1024


class Malformed(Invalid):
    """The body is no multipart body with one file."""

    code = "invalid_multipart"


def boundary_of(content_type: str) -> bytes:
    """Return the boundary a ``Content-Type`` names. Raises :class:`Malformed`."""
    found = BOUNDARY.match(content_type)
    if found is None or not content_type.isascii():
        raise Malformed("the body must be multipart/form-data with a boundary")
    return (found[1] or found[2]).encode()


class FilePart:
    """Parses a body piece by piece; what is not the file is read over, within limits."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._rest = b"\r\n"  # so that the first delimiter looks like all others
        self._state = self._preamble
        self._other = 0
        self._files = 0
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the file's bytes that are certain now. Raises :class:`Malformed`."""
        self._rest += data
        before = None
        while not self._ended and before != (len(self._rest), self._state):
            before = (len(self._rest), self._state)
            yield from self._state()

    def finish(self) -> None:
        """Check that the body was whole and had a file. Raises :class:`Malformed`."""
        if not self._ended:
            raise Malformed("the body ended before its last boundary", code="incomplete_body")
        if not self._files:
            raise Malformed("the body holds no file")

    def _preamble(self) -> Iterator[bytes]:
        yield from ()
        self._read_over(self._until_delimiter())

    def _between(self) -> Iterator[bytes]:
        yield from ()
        if self._rest.startswith(b"--"):
            self._ended, self._rest = True, b""
            return
        line, found, rest = self._rest.partition(b"\r\n")
        if line.strip(b" \t") and len(self._rest) > 1:
            raise Malformed("there is text behind a boundary")
        if found:
            self._rest, self._state = b"\r\n" + rest, self._headers
        elif len(self._rest) > MAX_HEADERS:
            raise Malformed("a part has no headers")

    def _headers(self) -> Iterator[bytes]:
        yield from ()
        at = self._rest.find(b"\r\n\r\n")
        if at < 0 or at > MAX_HEADERS:
            if len(self._rest) > MAX_HEADERS:
                raise Malformed("the headers of a part are too long")
            return
        is_file = FILE.search(self._rest, 0, at) is not None
        self._files += is_file
        if self._files > 1:
            raise Malformed("one file at a time")
        self._rest = self._rest[at + 4 :]
        if self._rest.startswith(self._delimiter[2:]):  # an empty part
            self._rest = b"\r\n" + self._rest
        self._state = self._file if is_file else self._field

    def _file(self) -> Iterator[bytes]:
        if found := self._until_delimiter():
            yield found

    def _field(self) -> Iterator[bytes]:
        yield from ()
        self._read_over(self._until_delimiter())

    def _until_delimiter(self) -> bytes:
        """Take what is surely before the next delimiter; behind it, go on between two parts."""
        at = self._rest.find(self._delimiter)
        if at >= 0:
            taken, self._rest = self._rest[:at], self._rest[at + len(self._delimiter) :]
            self._state = self._between
            return taken
        sure = max(0, len(self._rest) - len(self._delimiter) + 1)
        taken, self._rest = self._rest[:sure], self._rest[sure:]
        return taken

    def _read_over(self, data: bytes) -> None:
        self._other += len(data)
        if self._other > MAX_OTHER:
            raise Malformed("the body holds too much beside the file")
