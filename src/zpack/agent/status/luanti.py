"""Asks a Luanti server whether it serves: by the first packet of every client; the answer is a peer id."""

from __future__ import annotations

import asyncio
import socket

from zpack.agent.status.ping import Answer, PingError

HELLO = bytes.fromhex("4f45740300000001")
"""Protocol id, no peer yet, channel 0, an original packet without content."""
PROTOCOL_ID = HELLO[:4]
GREETING = bytes.fromhex("00010003")
"""The server's own peer id is 1, the channel 0, and the packet is a reliable one."""
TRIES = 3
"""A datagram may be lost."""


async def ping_luanti(host: str, port: int, *, seconds: float) -> Answer:
    """Ask within ``seconds``; a server tells nothing of its players here. Raises :class:`PingError`."""
    loop = asyncio.get_running_loop()
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.setblocking(False)
            asked.connect((host, port))
            for _ in range(TRIES):
                await loop.sock_sendall(asked, HELLO)
                try:
                    async with asyncio.timeout(seconds / TRIES):
                        answer = await loop.sock_recv(asked, 512)
                except TimeoutError:
                    continue
                if answer.startswith(PROTOCOL_ID + GREETING):
                    return Answer(online=0, max=0, players=())
                raise PingError("no Luanti server answers")
    except OSError as error:
        raise PingError(f"{error.strerror or error}") from error
    msg = f"no answer within {seconds:g} s"
    raise PingError(msg)
