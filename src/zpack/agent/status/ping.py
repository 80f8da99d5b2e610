"""Asks a Minecraft server for its status, as a player's server list does. Its answer is not trusted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from zpack.agent.console.ring import clean_line
from zpack.agent.status.motd import plain_motd
from zpack.wire.minecraft import (
    MAX_STATUS_PACKET,
    Framer,
    ProtocolError,
    parse_status_response,
    status_request,
)

CHUNK = 16 * 1024
MAX_NAMES = 200
MAX_NAME = 64


class PingError(Exception):
    """No usable answer; the text says why."""


@dataclass(frozen=True)
class Answer:
    """What a server said of its players, and of itself."""

    online: int
    max: int
    players: tuple[str, ...]
    motd: str = ""


async def ping(host: str, port: int, *, seconds: float) -> Answer:
    """Ask a server for its status within ``seconds``. Raises :class:`PingError`."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(status_request(host=host, port=port))
                await writer.drain()
                return parse_answer(await _read_status(reader))
            finally:
                writer.close()
    except TimeoutError:
        msg = f"no answer within {seconds:g} s"
        raise PingError(msg) from None
    except ProtocolError as error:
        msg = f"no Minecraft server answers: {error}"
        raise PingError(msg) from error
    except OSError as error:
        raise PingError(f"{error.strerror or error}") from error


def parse_answer(status: dict[str, Any]) -> Answer:
    """Read what a status document says; whatever is not as it should be counts as nothing."""
    told = status.get("players")
    players: dict[str, Any] = told if isinstance(told, dict) else {}
    sample = players.get("sample")
    listed = sample[:MAX_NAMES] if isinstance(sample, list) else []
    names = [player.get("name") for player in listed if isinstance(player, dict)]
    return Answer(
        online=_count(players.get("online")),
        max=_count(players.get("max")),
        players=tuple(clean_line(name)[:MAX_NAME] for name in names if isinstance(name, str)),
        motd=plain_motd(status.get("description")),
    )


def _count(value: Any) -> int:
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if usable else 0


async def _read_status(reader: asyncio.StreamReader) -> dict[str, Any]:
    framer = Framer(limit=MAX_STATUS_PACKET)
    while data := await reader.read(CHUNK):
        for packet in framer.feed(data):
            return parse_status_response(packet)
    raise ProtocolError("the connection ended before the answer")
