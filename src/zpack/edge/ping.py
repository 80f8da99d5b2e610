"""Asks a game server for its status, as a player's server list does."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from zpack.edge.proxy_header import build_header
from zpack.wire import minecraft as mc

if TYPE_CHECKING:
    from zpack.edge.names import Target

CHUNK = 65536


class PingFailed(Exception):
    """No usable status; the text says why."""


async def ping(target: Target, *, seconds: float, with_header: bool) -> float:
    """Return how many milliseconds the server took to tell its status. Raises PingFailed."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(target.address, target.port)
            try:
                begun = time.perf_counter()  # uvloop's clock knows only milliseconds
                request = mc.status_request(host=target.name, port=target.port)
                writer.write((build_header(None, None) if with_header else b"") + request)
                await writer.drain()
                mc.parse_status_response(await _first_packet(reader))
                return round((time.perf_counter() - begun) * 1000, 2)
            finally:
                writer.close()
    except TimeoutError:
        raise PingFailed(f"no status within {seconds:g} s") from None
    except mc.ProtocolError as error:
        raise PingFailed(str(error)) from error
    except OSError as error:
        raise PingFailed(error.strerror or type(error).__name__) from error


async def _first_packet(reader: asyncio.StreamReader) -> mc.Reader:
    framer = mc.Framer(limit=mc.MAX_STATUS_PACKET)
    while data := await reader.read(CHUNK):
        if packets := framer.feed(data):
            return packets[0]
    raise PingFailed("the connection ended before the status")
