"""Fetches one file from an allowed place: bounded in bytes, time and redirects, checked where it connects.

The address is looked at in the moment a socket is made for it, for every attempt and every redirect: nobody
resolves the name a second time, so there is nothing to rebind.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp

from zpack.agent.mods.addresses import is_public
from zpack.agent.mods.origins import SourceRefused, check_source
from zpack.agent.mods.refusals import DownloadFailed, DownloadTimeout, TooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from aiohttp.abc import AbstractResolver

    from zpack.agent.mods.origins import Origin, Source
    from zpack.agent.settings import ModRules

    AddrInfo = tuple[int, int, int, str, tuple[object, ...]]

CHUNK = 128 * 1024
MAX_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
HEADERS = {"Accept-Encoding": "identity", "User-Agent": "zpack-agent"}


class PrivateAddress(OSError):
    """A name led to an address that is not on the Internet."""


class Downloads:
    """Fetches mods. ``resolver`` makes another way of looking names up; ``None`` is the system's."""

    def __init__(self, *, rules: ModRules, resolver: Callable[[], AbstractResolver] | None = None) -> None:
        self._rules = rules
        self._resolver = resolver
        self._context: ssl.SSLContext | None = None

    def check(self, url: object) -> Source:
        """Check an address before anything is done for it. Raises :class:`SourceRefused`."""
        return check_source(url, self._rules.origins)

    @asynccontextmanager
    async def open(self, source: Source) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Yield the file's bytes as they come. Raises the room's refusals, also from inside.

        The time that is counted runs until the caller is done with the last byte.
        """
        try:
            async with asyncio.timeout(self._rules.seconds), self._answer(source) as response:
                yield self._bytes(response)
        except TimeoutError:
            msg = f"the file did not come within {self._rules.seconds:g} s, or stood still on the way"
            raise DownloadTimeout(msg) from None
        except aiohttp.ClientError as error:
            raise _failed(error) from error

    @asynccontextmanager
    async def _answer(self, source: Source) -> AsyncGenerator[aiohttp.ClientResponse]:
        for _ in range(MAX_REDIRECTS + 1):
            async with (
                self._session(source.origin) as session,
                session.get(source.url, allow_redirects=False, headers=HEADERS) as response,
            ):
                if response.status not in REDIRECTS:
                    _check_answer(response)
                    yield response
                    return
                source = self._next(response)
        raise DownloadFailed(
            f"the address leads on more than {MAX_REDIRECTS} times", code="too_many_redirects"
        )

    def _next(self, response: aiohttp.ClientResponse) -> Source:
        where = response.headers.get("Location", "")
        try:
            joined = str(response.url.join(type(response.url)(where, encoded=True)))
        except ValueError as error:
            raise DownloadFailed("the address leads on to what is no address") from error
        return self.check(joined)

    def _session(self, origin: Origin) -> aiohttp.ClientSession:
        def socket_for(info: AddrInfo) -> socket.socket:
            return _socket_for(info, local=origin.local)

        connector = aiohttp.TCPConnector(
            ssl=self._tls(),
            resolver=self._resolver() if self._resolver else None,
            use_dns_cache=False,
            force_close=True,
            socket_factory=socket_for,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=TIMEOUT,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context()
            if self._rules.ca_file is not None:
                self._context.load_verify_locations(self._rules.ca_file)
        return self._context

    async def _bytes(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        limit = self._rules.max_bytes
        if (response.content_length or 0) > limit:
            raise _too_large(limit)
        taken = 0
        async for chunk in response.content.iter_chunked(CHUNK):
            taken += len(chunk)
            if taken > limit:
                raise _too_large(limit)
            yield chunk


def _socket_for(info: AddrInfo, *, local: bool) -> socket.socket:
    family, kind, protocol, _, address = info
    if not local and not is_public(str(address[0])):
        raise PrivateAddress(f"{address[0]} is no public address")
    return socket.socket(family, kind, protocol)


def _check_answer(response: aiohttp.ClientResponse) -> None:
    if response.status != HTTPStatus.OK:
        raise DownloadFailed(f"the address answered HTTP {response.status}")


def _failed(error: aiohttp.ClientError) -> DownloadFailed | SourceRefused:
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, PrivateAddress):
        return SourceRefused("the host's name leads to an address that is not on the Internet")
    return DownloadFailed(f"the file did not come whole: {type(error).__name__}")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"a mod may have {limit // (1024 * 1024)} MiB")
