"""A server's text frame, uncompressed and whole (RFC 6455 §5.2): what the library makes, in one step."""

from __future__ import annotations

TEXT = 0x81
SHORT, MEDIUM = 126, 1 << 16


def text_frame(text: str) -> bytes:
    """Return the frame of one text message."""
    body = text.encode()
    size = len(body)
    if size < SHORT:
        head = bytes((TEXT, size))
    elif size < MEDIUM:
        head = bytes((TEXT, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((TEXT, 127)) + size.to_bytes(8, "big")
    return head + body
