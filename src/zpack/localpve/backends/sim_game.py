"""A scripted Minecraft server: answers status pings, refuses logins."""

from __future__ import annotations

import asyncio
import json
import struct

PORT = 25565
PROTOCOL = 769
STATUS = {
    "version": {"name": "1.21.4", "protocol": PROTOCOL},
    "players": {"max": 20, "online": 0},
    "description": {"text": "a scripted server"},
}
SECONDS = 10.0
PACKET_LIMIT = 4096


class SimGame:
    """One scripted game on one address."""

    def __init__(self, ip: str) -> None:
        self._ip = ip
        self._server: asyncio.Server | None = None
        self._opening = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    async def open(self) -> None:
        """Listen, if not listening yet."""
        async with self._opening:
            if self._server is None:
                self._server = await asyncio.start_server(self._serve, self._ip, PORT)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                handshake = await _packet(reader)
                if handshake[-1:] != b"\x01":
                    reason = json.dumps({"text": "scripted"}).encode()
                    writer.write(_framed(b"\x00" + _varint(len(reason)) + reason))
                    return
                await _packet(reader)
                body = json.dumps(STATUS).encode()
                writer.write(_framed(b"\x00" + _varint(len(body)) + body))
                ping = await _packet(reader)
                writer.write(_framed(b"\x01" + ping[1:9].ljust(8, b"\0")))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError, ValueError):
            return
        finally:
            writer.close()


async def _packet(reader: asyncio.StreamReader) -> bytes:
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
        if shift > 21:  # noqa: PLR2004 - a frame's length has three bytes
            raise ValueError
    if length > PACKET_LIMIT:
        raise ValueError
    return await reader.readexactly(length)


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:  # noqa: PLR2004 - seven bits
        out += struct.pack("B", value & 0x7F | 0x80)
        value >>= 7
    return out + struct.pack("B", value)


def _framed(body: bytes) -> bytes:
    return _varint(len(body)) + body
