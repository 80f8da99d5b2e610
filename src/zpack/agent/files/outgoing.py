"""Sends a file by the kernel, whole or a range; whatever it holds, a browser is told to save it."""

from __future__ import annotations

import asyncio
import logging
import os
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from zpack.agent.files.conditions import etag_of
from zpack.agent.files.ranges import Unsatisfiable, wanted
from zpack.wire.attachment import SAFE_HEADERS, disposition

if TYPE_CHECKING:
    from typing import BinaryIO

    from zpack.agent.files.place import Place
    from zpack.agent.files.transfers import Transfers
    from zpack.wire.problem import Problem

log = logging.getLogger(__name__)
STEP = 1024 * 1024


class Outgoing:
    """Downloads."""

    def __init__(self, *, transfers: Transfers) -> None:
        self._transfers = transfers

    async def send(self, place: Place, path: str, request: web.Request) -> web.StreamResponse:
        """Send a file, or what a ``Range`` asks of it; only the headers for ``HEAD``. Raises refusals."""
        place.policy.readable(path)
        with self._transfers.one():
            with place.open() as root:
                file = os.fdopen(root.open_file(path, os.O_RDONLY), "rb")
            with file:
                return await self._send(file, path, request)

    async def _send(self, file: BinaryIO, path: str, request: web.Request) -> web.StreamResponse:
        about = os.fstat(file.fileno())
        etag = etag_of(about)
        headers = SAFE_HEADERS | {"ETag": etag, "Content-Disposition": disposition(path)}
        size, asked = about.st_size, request.headers
        try:
            part = wanted(asked.get("Range"), size=size, if_range=asked.get("If-Range"), etag=etag)
        except Unsatisfiable:
            body: Problem = {"error": "range_not_satisfiable", "message": f"the file has {size} bytes"}
            status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            return web.json_response(body, status=status, headers={"Content-Range": f"bytes */{size}"})
        start, count = part or (0, size)
        if part:
            headers["Content-Range"] = f"bytes {start}-{start + count - 1}/{size}"
        answer = web.StreamResponse(status=206 if part else 200, headers=headers)
        answer.content_length, answer.last_modified = count, about.st_mtime
        await answer.prepare(request)
        if request.method != "HEAD":
            await self._stream(file, start, count, request)
        await answer.write_eof()
        return answer

    async def _stream(self, file: BinaryIO, start: int, count: int, request: web.Request) -> None:
        """Send a part of a file. A reader who takes nothing for too long is dropped."""
        transport, end = request.transport, start + count
        loop = asyncio.get_running_loop()
        while start < end and transport is not None and not transport.is_closing():
            try:
                async with asyncio.timeout(self._transfers.limits.idle_seconds):
                    sent = await loop.sendfile(transport, file, start, min(STEP, end - start))
            except OSError as error:  # a time-out is one too
                log.info("a download ended early: %s", error or type(error).__name__)
                sent = 0
            if sent == 0:  # or the file became shorter: what was announced cannot be kept
                transport.abort()
            start += sent
