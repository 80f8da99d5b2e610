"""Reads what a WebSocket server says without taking it apart (RFC 6455 §5).

A frame of a server is not masked, so the bytes that came from one server may go to another's client as they
are: no message, no queue, no task.
"""

from __future__ import annotations

from dataclasses import dataclass

from zpack.wire.websocket import text_frame

CONTINUATION, TEXT, CLOSE, PING, PONG = 0, 1, 8, 9, 10
FIN, RESERVED, MASKED = 0x80, 0x70, 0x80
WHOLE_TEXT = FIN | TEXT
SMALL, MEDIUM, LARGE = 125, 126, 127
"""The longest short length, and the two that stand for a longer field."""


class BadFrames(ValueError):
    """What was said is no unmasked, uncompressed text, or too long."""


@dataclass(frozen=True, slots=True)
class Control:
    """A frame that is for us and not for the client."""

    opcode: int
    body: bytes


class ServerFrames:
    """Cuts a stream of bytes into runs of whole text frames and the control frames between them."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._rest = bytearray()
        self._need = 0
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes | Control]:
        """Return what is whole now. Raises BadFrames; then nothing more may be fed."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return []
            data, self._rest = bytes(self._rest), bytearray()
        found: list[bytes | Control] = []
        at, run, size = 0, 0, len(data)
        while at < size:
            length, begin = _measured(data, at)
            if length > self._most:
                raise BadFrames
            end = begin + length
            if end > size:
                self._rest, self._need = bytearray(data[at:]), end - at
                break
            if data[at] == WHOLE_TEXT and not self._parts:
                _check_text(data[begin:end])
            else:
                if run < at:
                    found.append(data[run:at])
                self._take(data[at], data[begin:end], found)
                run = end
            at = end
        if run < at:
            found.append(data[run:at])
        return found

    def _take(self, head: int, body: bytes, found: list[bytes | Control]) -> None:
        """Take in a control frame, or a piece of a text."""
        opcode = head & 0x0F
        if opcode in {CLOSE, PING, PONG} and head == FIN | opcode and len(body) <= SMALL:
            found.append(Control(opcode, body))
            return
        if head & RESERVED or opcode != (CONTINUATION if self._parts else TEXT):
            raise BadFrames
        self._parts.append(body)
        if sum(map(len, self._parts)) > self._most or len(self._parts) > self._most // 1024:
            raise BadFrames
        if head & FIN:
            whole, self._parts = b"".join(self._parts), []
            found.append(text_frame(_check_text(whole)))


def texts_of(frames: bytes) -> list[str]:
    """Return the texts of a run of whole text frames."""
    found, at = [], 0
    while at < len(frames):
        length, begin = _measured(frames, at)
        at = begin + length
        found.append(frames[begin:at].decode())
    return found


def _measured(data: bytes, at: int) -> tuple[int, int]:
    """Return a body's length and where it begins; a frame whose head is not whole ends beyond the data."""
    if len(data) - at < 2:  # noqa: PLR2004 - the shortest head
        return 0, at + 2
    length = data[at + 1]
    if length <= SMALL:
        return length, at + 2
    if length & MASKED:
        raise BadFrames
    begin = at + (4 if length == MEDIUM else 10)
    if begin > len(data):
        return 0, begin
    return int.from_bytes(data[at + 2 : begin], "big"), begin


def _check_text(body: bytes) -> str:
    """Return the text. Raises BadFrames when it is none."""
    try:
        return body.decode()
    except UnicodeDecodeError as failure:
        raise BadFrames from failure
