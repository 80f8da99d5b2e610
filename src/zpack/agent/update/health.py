"""Asks this very agent whether it answers, from outside, as control will."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import aiohttp

ATTEMPT_SECONDS = 5.0
PAUSE_SECONDS = 0.5


async def until_healthy(host: str, port: int) -> None:
    """Return once ``/health`` answers; for ever otherwise, until the alarm of ``start.py`` rings."""
    timeout = aiohttp.ClientTimeout(total=ATTEMPT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            try:
                async with session.get(f"http://{host}:{port}/health") as answer:
                    if answer.status == HTTPStatus.OK:
                        return
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            await asyncio.sleep(PAUSE_SECONDS)
