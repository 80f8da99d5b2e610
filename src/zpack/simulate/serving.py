"""Serves a simulated system on one socket until it is told to stop."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from zpack.lifetime import say_ready

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises OSError, which says where."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as failure:
        listener.close()
        msg = f"cannot listen on {host}:{port}: {failure.strerror}"
        raise OSError(msg) from failure
    return listener


@asynccontextmanager
async def served(app: web.Application, listener: socket.socket) -> AsyncGenerator[str]:
    """Serve an application; give its base URL."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        host, port = listener.getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
        listener.close()


async def serve(
    name: str, app: web.Application, listener: socket.socket, stop: asyncio.Event, *, path: str
) -> None:
    """Serve until told to stop; say when it is ready."""
    async with served(app, listener) as base:
        say_ready(f"simulate-{name}", listen=base.removeprefix("http://"), url=base + path)
        await stop.wait()
