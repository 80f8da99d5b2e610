"""The one place of this program that talks to the outside: HTTPS, known hosts, limited sizes, checked."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from zpack.artifacts.checksums import Checksum

MEBI = 1 << 20
DOCUMENT_LIMIT = 16 * MEBI
TEXT_LIMIT = 4096
FILE_LIMIT = 2048 * MEBI
_REDIRECTS = 5
_REDIRECT = frozenset({301, 302, 303, 307, 308})
_CHUNK = 1 << 16
_DOCUMENT_TIME = aiohttp.ClientTimeout(total=60, sock_connect=15, sock_read=30)
_FILE_TIME = aiohttp.ClientTimeout(total=3600, sock_connect=15, sock_read=60)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class FetchError(Exception):
    """Something could not be had: refused address, failed connection, error answer, or too large."""


@dataclass(frozen=True)
class Allowed:
    """Which addresses may be fetched from."""

    hosts: frozenset[str]
    """Host, with its port where it is not the usual one."""

    def check(self, url: str) -> None:
        """Let an allowed address pass; raises FetchError."""
        parts = urlsplit(url)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if not secure or parts.username is not None:
            raise FetchError(
                f"only HTTPS addresses without a user are fetched, not {parts.scheme}://{parts.hostname}"
            )
        if parts.netloc not in self.hosts:
            raise FetchError(f"the host {parts.netloc} is not one that may be fetched from here")


class Fetcher:
    """Fetches documents and files from allowed hosts; use as a context manager.

    `contact` is an address of the operator: PaperMC asks that every request says whom to reach about it.
    """

    def __init__(self, allowed: Allowed, *, contact: str = "", file_limit: int = FILE_LIMIT) -> None:
        self._allowed = allowed
        self._agent = f"zpack-artifacts/{version('zpack')}" + (f" ({contact})" if contact else "")
        self._file_limit = file_limit
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers={"User-Agent": self._agent})
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def json(self, url: str) -> Any:
        """Get a JSON document; raises FetchError."""
        body = await self._body(url, DOCUMENT_LIMIT)
        if body is None:
            raise FetchError(f"there is nothing at {url}")
        try:
            return json.loads(body)
        except ValueError as error:
            raise FetchError(f"{url} did not answer with JSON") from error

    async def text(self, url: str) -> str | None:
        """Get a short text, None where there is none; raises FetchError."""
        body = await self._body(url, TEXT_LIMIT)
        return None if body is None else body.decode("utf-8", "replace")

    async def file(
        self,
        url: str,
        target: Path,
        *,
        checksum: Checksum | None,
        size: int | None = None,
        on_bytes: Callable[[int, int | None], None] | None = None,
    ) -> None:
        """Get a file; raises FetchError, and MismatchError with the file deleted if it is not as promised."""
        limit = self._file_limit if size is None else min(size, self._file_limit)
        try:
            async with self._get(url, _FILE_TIME) as answer:
                _expect_ok(answer)
                await _copy(answer, target, limit=limit, on_bytes=on_bytes)
            if checksum is not None:
                checksum.check(target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    async def _body(self, url: str, limit: int) -> bytes | None:
        async with self._get(url, _DOCUMENT_TIME) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                return None
            _expect_ok(answer)
            body = bytearray()
            async for chunk in answer.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > limit:
                    raise FetchError(f"{url} is larger than {limit} bytes")
            return bytes(body)

    @asynccontextmanager
    async def _get(self, url: str, limits: aiohttp.ClientTimeout) -> AsyncGenerator[aiohttp.ClientResponse]:
        if self._session is None:
            raise FetchError("the fetcher is not open")
        try:
            for _ in range(_REDIRECTS + 1):
                # Redirects are followed here, one by one, because each new host must be allowed too.
                self._allowed.check(url)
                async with self._session.get(url, timeout=limits, allow_redirects=False) as answer:
                    if answer.status not in _REDIRECT:
                        yield answer
                        return
                    url = urljoin(url, answer.headers.get("Location", ""))
            raise FetchError(f"too many redirects, the last to {urlsplit(url).netloc}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise FetchError(f"{url}: {type(error).__name__}: {error}") from error


def _expect_ok(answer: aiohttp.ClientResponse) -> None:
    if answer.status != HTTPStatus.OK:
        raise FetchError(f"{answer.url} answered {answer.status}")


async def _copy(
    answer: aiohttp.ClientResponse,
    target: Path,
    *,
    limit: int,
    on_bytes: Callable[[int, int | None], None] | None,
) -> None:
    done = 0
    with target.open("wb") as file:
        async for chunk in answer.content.iter_chunked(_CHUNK):
            done += len(chunk)
            if done > limit:
                raise FetchError(f"{answer.url} is larger than {limit} bytes")
            file.write(chunk)
            if on_bytes is not None:
                on_bytes(done, answer.content_length)
