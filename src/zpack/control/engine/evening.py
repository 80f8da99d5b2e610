"""Evens out how long something takes, where the time would tell what the answer must not."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@asynccontextmanager
async def evened(step: float) -> AsyncGenerator[None]:
    """End at a multiple of ``step`` seconds after the beginning, also with an exception."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        yield
    finally:
        await asyncio.sleep(step - (loop.time() - began) % step)
