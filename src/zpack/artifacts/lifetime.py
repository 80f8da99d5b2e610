"""How a program that serves comes to its end."""

from __future__ import annotations

import asyncio
import signal


async def until_signal() -> None:
    """Return when SIGTERM or SIGINT comes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
