"""A console over its socket (docs/flows/console.md): lost ways are found again, and no line comes twice."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, cast

import aiohttp

from zpack.client.errors import ApiAway, ApiProblem
from zpack.wire.console import FRAMED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from zpack.client.http import Connection
    from zpack.wire.console import Asked, Said

ENDED = {1000}
COME_AGAIN = {None, 1001, 1011, 1012}
"""Close codes after which the same viewer is welcome again."""
CLOSE_HTTP = 4000
PAUSES = (0.2, 0.5, 1, 2, 4, 8, 8, 8)
"""Seconds before each attempt to come again; a line that arrives starts them over."""


class Console:
    """One viewer. ``after`` is the number of the last line that is known already."""

    def __init__(self, connection: Connection, server_id: str, *, after: int = 0) -> None:
        self._connection = connection
        self._server_id = server_id
        self._after = after
        self._socket: asyncio.Future[aiohttp.ClientWebSocketResponse] | None = None

    async def said(self) -> AsyncGenerator[Said]:
        """Yield what the server says until its console ends. Raises ApiProblem, ApiAway."""
        tries = 0
        while True:
            try:
                async for said in self._until_lost():
                    tries = 0
                    yield said
            except ApiAway:
                if tries >= len(PAUSES):
                    raise
                await asyncio.sleep(PAUSES[tries])
                tries += 1
            else:
                return

    async def ask(self, asked: Asked) -> None:
        """Send input or a size, waiting for the socket where there is none yet."""
        while True:
            socket = await asyncio.shield(self._awaited())
            try:
                await socket.send_str(json.dumps(asked))
            except (OSError, RuntimeError, aiohttp.ClientError):
                self._forget(socket)
            else:
                return

    async def _until_lost(self) -> AsyncGenerator[Said]:
        """Yield until the end, or raise ApiAway when the way is lost."""
        path = f"/api/servers/{self._server_id}/console"
        ticket = (await self._connection.call("POST", f"{path}/ticket"))["ticket"]
        params = {"ticket": ticket, "after": str(self._after)}
        async with self._connection.socket(f"{path}/stream", protocol=FRAMED, params=params) as socket:
            self._awaited().set_result(socket)
            try:
                while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                    for said in _parsed(message.data):
                        self._after = said.get("seq", self._after)
                        yield said
            finally:
                self._forget(socket)
        _judge(*((message.data, message.extra) if message.type is aiohttp.WSMsgType.CLOSE else (None, None)))

    def _awaited(self) -> asyncio.Future[aiohttp.ClientWebSocketResponse]:
        if self._socket is None:
            self._socket = asyncio.get_running_loop().create_future()
        return self._socket

    def _forget(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        if self._socket is not None and self._socket.done() and self._socket.result() is socket:
            self._socket = None


def _parsed(text: str) -> list[Said]:
    """Return the objects of a frame, one a line. Raises ApiAway."""
    try:
        return [cast("Said", json.loads(line)) for line in text.split("\n") if line.strip()]
    except ValueError as failure:
        raise ApiAway("the console does not speak zpack's protocol") from failure


def _judge(code: int | None, reason: str | None) -> None:
    """Return when a console has ended for good. Raises ApiAway when we may come again, else ApiProblem."""
    word = reason or "console_closed"
    if code in COME_AGAIN:
        raise ApiAway(f"the console was lost ({word})")
    if code not in ENDED:
        status = max(0, (code or 0) - CLOSE_HTTP)
        message = f"The console was closed: {word}."
        raise ApiProblem(status=status, code=word, message=message, request_id=None, details=None)
