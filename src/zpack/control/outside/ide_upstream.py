"""Speaks to what runs in a dev container: the IDE and whatever listens on a forwarded port.

Nothing there is trusted. The target is given with every call, redirects are not followed, cookies are not
kept, and an answer whose framing is doubtful is none.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from zpack.control.engine.errors import Refusal
from zpack.control.outside.agent_stream import said_plainly
from zpack.control.outside.pooled import Pooled
from zpack.control.outside.upgrade import FIELDS_LIMIT, NotSwitched, check_head, upgraded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from zpack.control.outside.upgrade import Joined

    Pairs = list[tuple[str, str]]

CONNECT_SECONDS = 10.0
HEAD_SECONDS = 120.0
"""How long an answer may be thought about; its body may take as long as the client has patience."""
CONNECTIONS_PER_CONTAINER = 64
READ_BUFFER = 256 * 1024
LINE_LIMIT, FIELD_LIMIT = 16 * 1024, 32 * 1024
WHO = "the container"
AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class UpgradeRefused(Refusal):
    """The container answers an upgrade with something else; its status is passed on."""

    kind = "upstream"
    code = "upgrade_refused"


class IdeAnswer:
    """An answer whose body is still on its way."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Pairs = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in response.raw_headers]

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raises ForeignError."""
        while True:
            with said_plainly(WHO):
                data = await self._response.content.readany()
            if not data:
                return
            yield data

    def cut(self) -> None:
        """Let go at once; who is waiting for a piece is told."""
        self._response.close()


class IdeUpstream:
    """One pooled session for requests; a connection of its own for every socket."""

    def __init__(self) -> None:
        self._pooled = Pooled(WHO, _session)

    @contextlib.asynccontextmanager
    async def ask(
        self,
        method: str,
        at: tuple[str, int],
        target: str,
        headers: Pairs,
        body: AsyncIterator[bytes] | None,
    ) -> AsyncGenerator[IdeAnswer]:
        """Send a request. Raises ForeignError."""
        with said_plainly(WHO):
            async with asyncio.timeout(HEAD_SECONDS):
                response = await self._pooled.open().request(
                    method,
                    URL(f"http://{at[0]}:{at[1]}{target}", encoded=True),
                    headers=CIMultiDict(headers),
                    data=body,
                    allow_redirects=False,
                    skip_auto_headers=AUTOMATIC,
                )
        try:
            answer = IdeAnswer(response)
            check_head(answer.status, answer.headers, WHO)
            yield answer
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def upgrade(self, at: tuple[str, int], target: str, headers: Pairs) -> Joined:
        """Open a WebSocket. Raises ForeignError, UpgradeRefused."""
        try:
            return await upgraded(at, target, headers, who=WHO, seconds=CONNECT_SECONDS)
        except NotSwitched as answer:
            message = "The container does not open a WebSocket here."
            raise UpgradeRefused(message, status=answer.status) from answer

    async def close(self) -> None:
        """Close the session for good."""
        await self._pooled.close()


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, limit_per_host=CONNECTIONS_PER_CONTAINER),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        read_bufsize=READ_BUFFER,
        max_line_size=LINE_LIMIT,
        max_field_size=FIELD_LIMIT,
        max_headers=FIELDS_LIMIT,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
    )
