"""Asks a Minecraft server for its status, as a player's server list does. Its answer is not trusted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from zpack.agent.console.ring import clean_line

MAX_ANSWER = 256 * 1024
MAX_NAMES = 200
MAX_NAME = 64
PROTOCOL = 47
"""Any number will do: a server answers a status request of every version."""
VARINT_BYTES = 5


class PingError(Exception):
    """No usable answer; the text says why."""


@dataclass(frozen=True)
class Answer:
    """What a server said of its players."""

    online: int
    max: int
    players: tuple[str, ...]


def varint(value: int) -> bytes:
    """Encode a non-negative number as the protocol does."""
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def status_request(host: str, port: int) -> bytes:
    """Return a handshake for a status, and the request."""
    name = host.encode()
    handshake = b"\0" + varint(PROTOCOL) + varint(len(name)) + name + port.to_bytes(2, "big") + b"\x01"
    return varint(len(handshake)) + handshake + b"\x01\x00"


def parse_answer(document: bytes) -> Answer:
    """Read the status document. Raises :class:`PingError`."""
    try:
        status = json.loads(document)
    except (ValueError, RecursionError):
        raise PingError("the answer is no JSON") from None
    players = status.get("players") if isinstance(status, dict) else None
    if not isinstance(status, dict) or not isinstance(players, dict | None):
        raise PingError("the answer is no status")
    told: dict[str, Any] = players or {}
    sample = told.get("sample")
    names = (
        [p.get("name") for p in sample[:MAX_NAMES] if isinstance(p, dict)] if isinstance(sample, list) else []
    )
    return Answer(
        online=_count(told.get("online")),
        max=_count(told.get("max")),
        players=tuple(clean_line(name)[:MAX_NAME] for name in names if isinstance(name, str)),
    )


def _count(value: Any) -> int:
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if usable else 0


async def ping(host: str, port: int, *, seconds: float) -> Answer:
    """Ask a server for its status within ``seconds``. Raises :class:`PingError`."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(status_request(host, port))
                await writer.drain()
                return parse_answer(await _read_answer(reader))
            finally:
                writer.close()
    except TimeoutError:
        msg = f"no answer within {seconds:g} s"
        raise PingError(msg) from None
    except asyncio.IncompleteReadError:
        raise PingError("the connection ended before the answer") from None
    except OSError as error:
        raise PingError(f"{error.strerror or error}") from error


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    length = await _read_varint(reader)
    if not 0 < length <= MAX_ANSWER:
        raise PingError("the answer has an impossible length")
    packet = await reader.readexactly(length)
    body = asyncio.StreamReader()
    body.feed_data(packet)
    body.feed_eof()
    if await _read_varint(body) != 0:
        raise PingError("the answer is no status")
    return await body.readexactly(await _read_varint(body))


async def _read_varint(reader: asyncio.StreamReader) -> int:
    value = 0
    for at in range(VARINT_BYTES):
        byte = (await reader.readexactly(1))[0]
        value |= (byte & 0x7F) << (7 * at)
        if not byte & 0x80:
            return value
    raise PingError("the answer is no Minecraft packet")
