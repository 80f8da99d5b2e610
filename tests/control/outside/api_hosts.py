"""Hosts that stand in front of a cluster's API and fail in their own ways."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HOST = "127.82.0.5"


@contextlib.asynccontextmanager
async def listening(serve: Serve) -> AsyncGenerator[str]:
    """Serve connections on a free port; yield its URL."""
    served = set[asyncio.Task[None]]()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(one, HOST, 0)
    try:
        yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    finally:
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)
        server.close()
        await server.wait_closed()


async def request_of(reader: asyncio.StreamReader) -> bytes:
    """Read one whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    return head + await reader.readexactly(int(lines.get(b"content-length", b"0")))


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take a request and say nothing."""
    del writer
    await reader.read(1)
    await asyncio.Event().wait()


def saying(answer: bytes) -> Serve:
    """Return a host that gives one answer to everything."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(answer)
        await writer.drain()

    return serve


def losing(url: str, *, answers: bool = False, path: bytes = b"") -> Serve:
    """Return a host that has every request done by another, and breaks off before its answer.

    With ``answers`` only a change whose head contains ``path`` is lost.
    """
    host, _, port = url.rpartition("/")[2].partition(":")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await request_of(reader)).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        upstream, to_upstream = await asyncio.open_connection(host, int(port))
        to_upstream.write(request)
        answer = await upstream.read()
        to_upstream.close()
        head = request.split(b"\r\n", 1)[0]
        if answers and (head.startswith(b"GET") or path not in head):
            writer.write(answer)
            await writer.drain()

    return serve
