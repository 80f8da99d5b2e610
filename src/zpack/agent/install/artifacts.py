"""Fetches artifacts over HTTP: bounded, resumed where a part is already here, and never kept unverified."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp

from zpack.agent.install.checksums import parse_checksums
from zpack.agent.problems import WorkloadError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from zpack.agent.settings import Store

    Report = Callable[[str], None]

CHUNK = 128 * 1024
MAX_SUMS_BYTES = 8 * 1024 * 1024
ATTEMPTS = 3
PAUSE_SECONDS = 1.0
TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_read=30)


class _PassingError(Exception):
    """This may go away by itself: connection lost, server overloaded, cut short."""


class _TooLargeError(WorkloadError):
    """More than this agent takes; what came of it is of no use."""


class Artifacts:
    """The artifact store at ``ARTIFACT_BASE_URL``. A session lives only as long as one installation."""

    def __init__(self, *, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder

    def clean(self) -> None:
        """Remove parts that nobody will continue."""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def checksums(self) -> dict[str, str]:
        """Return the store's SHA256SUMS. Raises :class:`WorkloadError`."""
        body = bytearray()

        async def take(response: aiohttp.ClientResponse) -> None:
            body.clear()
            async for chunk in _chunks(response, MAX_SUMS_BYTES, "SHA256SUMS"):
                body.extend(chunk)

        await self._get("SHA256SUMS", take)
        return parse_checksums(body.decode(errors="replace"))

    async def fetch(self, path: str, *, checksum: str, report: Report) -> Path:
        """Return a verified file, to be moved away by the caller. Raises :class:`WorkloadError`.

        A part left by an interrupted fetch is continued: it is named by the checksum it must get.
        """
        part = self._folder / f"{checksum}.part"
        part.parent.mkdir(parents=True, exist_ok=True)

        async def take(response: aiohttp.ClientResponse) -> None:
            resumed = response.status == HTTPStatus.PARTIAL_CONTENT
            done = part.stat().st_size if resumed else 0
            total = done + (response.content_length or 0)
            room = self._store.max_download_bytes - done
            with part.open("ab" if resumed else "wb") as file:
                async for chunk in _chunks(response, room, path):
                    file.write(chunk)
                    done += len(chunk)
                    report(f"download {path.rsplit('/', 1)[-1]} {_share(done, total)}")

        have = part.stat().st_size if part.exists() else 0
        if not have or await asyncio.to_thread(_sha256, part) != checksum:
            try:
                await self._get(path, take, resume=part)
            except _TooLargeError:
                part.unlink(missing_ok=True)
                raise
        report(f"verify {path.rsplit('/', 1)[-1]}")
        if await asyncio.to_thread(_sha256, part) != checksum:
            part.unlink()
            msg = f"{path} does not have the checksum that SHA256SUMS lists; it was not installed"
            raise WorkloadError(msg)
        return part

    async def _get(
        self, path: str, take: Callable[..., Awaitable[None]], *, resume: Path | None = None
    ) -> None:
        if not self._store.base_url:
            raise WorkloadError("ARTIFACT_BASE_URL is not set, so nothing can be installed")
        url = f"{self._store.base_url}/{quote(path)}"
        async with aiohttp.ClientSession(timeout=TIMEOUT, auto_decompress=False) as session:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    await _attempt(session, url=url, path=path, take=take, resume=resume)
                    break
                except _PassingError as error:
                    if attempt == ATTEMPTS:
                        msg = f"cannot fetch {path}: {error}"
                        raise WorkloadError(msg) from error
                await asyncio.sleep(PAUSE_SECONDS * attempt)


async def _attempt(
    session: aiohttp.ClientSession,
    *,
    url: str,
    path: str,
    take: Callable[..., Awaitable[None]],
    resume: Path | None,
) -> None:
    have = resume.stat().st_size if resume is not None and resume.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        async with session.get(url, headers=headers, max_redirects=3) as response:
            if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and resume is not None:
                resume.unlink(missing_ok=True)
                raise _PassingError("the part that was here did not fit")
            _check_status(response, path)
            await take(response)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        if isinstance(error, OSError) and not isinstance(error, aiohttp.ClientError | TimeoutError):
            msg = f"cannot store {path}: {error.strerror or error}"
            raise WorkloadError(msg) from error
        raise _PassingError(str(error) or type(error).__name__) from error


def _check_status(response: aiohttp.ClientResponse, path: str) -> None:
    if response.status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        return
    what = f"HTTP {response.status}"
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise _PassingError(what)
    missing = " (is it in the store?)" if response.status == HTTPStatus.NOT_FOUND else ""
    msg = f"cannot fetch {path}: the artifact store answered {what}{missing}"
    raise WorkloadError(msg)


async def _chunks(response: aiohttp.ClientResponse, limit: int, path: str) -> AsyncIterator[bytes]:
    msg = f"{path} is larger than this agent takes"
    if (response.content_length or 0) > limit:
        raise _TooLargeError(msg)
    taken = 0
    async for chunk in response.content.iter_chunked(CHUNK):
        taken += len(chunk)
        if taken > limit:
            raise _TooLargeError(msg)
        yield chunk


def _share(done: int, total: int) -> str:
    return f"{min(100, 100 * done // total)}%" if total else f"{done // 1024} KiB"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
