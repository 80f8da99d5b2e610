"""Streams to and from agents, beside the generic client: no body is ever held as a whole (row S111)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import aiohttp

from zpack.control.engine.errors import ForeignError
from zpack.control.engine.text import storable
from zpack.control.outside.pooled import Pooled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping

    from zpack.control.engine.relay_http import RequestBody

CONNECT_SECONDS = 10.0
READ_BUFFER = 512 * 1024
CONNECTIONS = 512
BODY_LIMIT = 1 << 20


class AgentAnswer:
    """An answer whose body is still on its way."""

    def __init__(self, response: aiohttp.ClientResponse, *, idle_seconds: float) -> None:
        self._response = response
        self._idle_seconds = idle_seconds
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raises ForeignError."""
        while True:
            with said_plainly():
                async with asyncio.timeout(self._idle_seconds):
                    data = await self._response.content.readany()
            if not data:
                return
            yield data

    async def json(self) -> Any:
        """Return the parsed body, or None when it is no JSON. Raises ForeignError when it is too large."""
        body = bytearray()
        async for data in self.pieces():
            body += data
            if len(body) > BODY_LIMIT:
                raise ForeignError(f"the agent sent more than {BODY_LIMIT} bytes", transient=False)
        try:
            return storable(json.loads(body.decode("utf-8-sig")))
        except (ValueError, RecursionError):
            return None


class AgentStreams:
    """One pooled session for all transfers."""

    def __init__(self, *, port: int, seconds: float = 300.0, idle_seconds: float = 30.0) -> None:
        self._port = port
        self._seconds = seconds
        self.idle_seconds = idle_seconds
        self._pooled = Pooled("the agent", _session)

    @contextlib.asynccontextmanager
    async def ask(
        self,
        method: str,
        ip: str,
        path: str,
        token: str,
        *,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        body: RequestBody | None = None,
    ) -> AsyncGenerator[AgentAnswer]:
        """Ask for something large, or send it; an early answer ends the sending.

        Raises ForeignError, and what ended the body.
        """
        try:
            with said_plainly():
                async with asyncio.timeout(self._seconds if body else self.idle_seconds):
                    response = await self._pooled.open().request(
                        method,
                        f"http://{ip}:{self._port}{path}",
                        params=params,
                        data=body.pieces() if body else None,
                        headers={
                            **headers,
                            "Authorization": f"Bearer {token}",
                            "Accept-Encoding": "identity",
                        },
                        allow_redirects=False,
                    )
        except ForeignError as failure:
            if body is not None and body.failure is not None:  # the library knows only that sending failed
                raise body.failure from failure
            raise
        try:
            yield AgentAnswer(response, idle_seconds=self.idle_seconds)
        finally:
            response.close()

    async def close(self) -> None:
        """Close the session for good."""
        await self._pooled.close()


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        read_bufsize=READ_BUFFER,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
    )


@contextlib.contextmanager
def said_plainly(who: str = "the agent") -> Generator[None]:
    """Raise ForeignError for what the library raises: too late, not there, or broken off."""
    try:
        yield
    except TimeoutError as failure:
        raise ForeignError(f"{who} did not answer in time", transient=True, timed_out=True) from failure
    except aiohttp.ClientConnectorError as failure:
        raise ForeignError(f"{who} cannot be reached", transient=True) from failure
    except (aiohttp.ClientError, OSError, ValueError) as failure:
        message = f"{who} broke off: {type(failure).__name__}"
        raise ForeignError(message, transient=True) from failure
