"""Serves a simulated system on one socket until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from zpack.lifetime import say_ready

if TYPE_CHECKING:
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


async def run(name: str, app: web.Application, *, host: str, port: int, path: str) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with served(app, listen(host, port)) as base:
        say_ready(f"simulate-{name}", listen=base.removeprefix("http://"), url=base + path)
        await stop.wait()
