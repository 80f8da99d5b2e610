"""A small WebSocket client for consoles: what was said, in both ways of saying it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from zpack.wire.console import FRAMED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Viewer:
    """Looks at a console. Enter it to connect; ``refused`` holds the status when that was refused."""

    def __init__(
        self,
        url: str,
        *,
        protocols: Sequence[str] = (FRAMED,),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._url = url
        self._protocols = protocols
        self._headers = headers
        self._http = aiohttp.ClientSession()
        self.said: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self.seqs: list[int] = []
        self.closed: tuple[int | None, str] | None = None

    async def __aenter__(self) -> Self:
        try:
            self.socket = await self._http.ws_connect(
                self._url, protocols=self._protocols, headers=self._headers, max_msg_size=1 << 20
            )
        except BaseException:
            await self._http.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
        await self._http.close()

    @property
    def last(self) -> int:
        return self.seqs[-1] if self.seqs else 0

    async def ask(self, **asked: Any) -> None:
        await self.socket.send_str(json.dumps(asked))

    async def next(self, *, seconds: float = 60.0) -> bool:
        """Take one frame in; False when the socket closed."""
        message = await self.socket.receive(timeout=seconds)
        if message.type is not aiohttp.WSMsgType.TEXT:
            reason = message.extra if isinstance(message.extra, str) else ""
            self.closed = (self.socket.close_code, reason)
            return False
        if self.socket.protocol != FRAMED:
            self.lines.append(message.data)
            return True
        for text in message.data.split("\n"):
            said = json.loads(text)
            self.said.append(said)
            if "seq" in said:
                self.seqs.append(said["seq"])
                self.lines.append(said["line"])
        return True

    async def until(self, line: str, *, seconds: float = 60.0) -> str:
        """Read until a line holds these words; return it."""
        seen = 0
        async with asyncio.timeout(seconds):
            while True:
                for found in self.lines[seen:]:
                    if line in found:
                        return found
                seen = len(self.lines)
                assert await self.next(), (line, self.closed, self.lines[-5:])

    async def problem(self) -> str:
        """Read until input was refused; return the code."""
        while not (found := [said["error"] for said in self.said if "error" in said]):
            assert await self.next()
        return found[-1]

    async def end(self, *, seconds: float = 60.0) -> tuple[int | None, str]:
        """Read until the socket closes; return code and reason."""
        async with asyncio.timeout(seconds):
            while await self.next(seconds=seconds):
                pass
        assert self.closed
        return self.closed


async def refused(url: str, **how: Any) -> tuple[int, Mapping[str, str]]:
    """Return with which status and headers an upgrade is refused."""
    try:
        async with Viewer(url, **how):
            return 101, {}
    except aiohttp.WSServerHandshakeError as error:
        return error.status, error.headers or {}
