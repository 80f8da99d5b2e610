"""A guest's console on disk, never larger than twice its limit, however much the guest says."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CHUNK = 64 << 10
LAST_WORDS_SECONDS = 1.0


class ConsoleLog:
    """Copies a pipe into ``console.log``; a full file replaces ``console.log.1``."""

    def __init__(self, path: Path, *, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._copying: asyncio.Task[None] | None = None

    async def open(self) -> int:
        """Begin to copy; return the end to write to, which the caller closes. Raises OSError."""
        out, into = os.pipe()
        reader = asyncio.StreamReader(limit=CHUNK)
        try:
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(out, "rb", buffering=0)
            )
        except BaseException:
            os.close(into)
            raise
        self._copying = asyncio.create_task(self._copy(reader, transport), name=f"console {self._path}")
        return into

    async def close(self) -> None:
        """Wait for the last words of processes that have ended."""
        if self._copying is not None:
            await asyncio.wait([self._copying], timeout=LAST_WORDS_SECONDS)
            self._copying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._copying

    async def _copy(self, reader: asyncio.StreamReader, transport: asyncio.ReadTransport) -> None:
        """Go on reading even when nothing can be written: a guest must not hang on a full disk."""
        try:
            while chunk := await reader.read(CHUNK):
                with contextlib.suppress(OSError):
                    self._append(chunk)
        finally:
            transport.close()

    def _append(self, chunk: bytes) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, chunk)
            full = os.fstat(file).st_size >= self._limit
        finally:
            os.close(file)
        if full:
            self._path.replace(self._path.with_suffix(".log.1"))
