"""What a console socket says, between agent and API and between API and browser (contract §4.4, §7.1).

Without a subprotocol, or with ``PLAIN``, a text frame from the server is one line of output, or several that
were there at the same moment, separated by CR LF; a text frame to it is typed. With ``FRAMED`` each line of a
frame is one JSON object: :class:`Said` from the server, :class:`Asked` to it.

A workload's console counts lines, a shell's counts chunks of terminal output, control characters and all.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

FRAMED = "zpack.console.v1"
PLAIN = "zpack.console.plain"
PROTOCOLS = (FRAMED, PLAIN)
PLAIN_SEPARATOR = "\r\n"
MAX_FRAME = 512 * 1024
"""Bytes of the largest frame from an agent; one of output alone stays far below."""
MAX_ASKED = 16 * 1024
"""Bytes of the largest frame to it."""
MAX_SIZE = 1000
"""Columns or rows of the largest terminal."""


class Said(TypedDict):
    """One thing the server says: a line with its number, that some were lost, or that input was refused."""

    seq: NotRequired[int]
    """Grows by one; pass the last one as ``after`` when you come again."""
    line: NotRequired[str]
    lost: NotRequired[bool]
    """Lines after the last one told, or after ``after``, are gone."""
    error: NotRequired[str]
    message: NotRequired[str]


class Size(TypedDict):
    """A terminal's size in characters."""

    cols: int
    rows: int


class Asked(TypedDict):
    """One thing a client asks: input, or another size."""

    input: NotRequired[str]
    """A line to a workload, keys to a shell."""
    resize: NotRequired[Size]
