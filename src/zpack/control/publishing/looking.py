"""One comparison for all who ask meanwhile, and an answer in time for who does not wait for its end."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Look = Callable[[], Awaitable[dict[str, Any]]]

KEPT_SECONDS = 30.0


class Looking:
    """Runs ``look``. What it found is kept a while for who asked and left before it was known."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._task: asyncio.Task[dict[str, Any]] | None = None
        self._began = 0.0

    async def within(self, seconds: float) -> dict[str, Any] | None:
        """Return what is found within so many seconds; None when it is not known by then."""
        task = self._running()
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            return None
        if self._task is task:
            self._task = None
        return task.result()

    def forget(self) -> None:
        """Give up what was found before something changed."""
        self._task = None

    @property
    def since(self) -> str:
        """Return since when it looks."""
        return datetime.fromtimestamp(time.time() - (time.monotonic() - self._began), UTC).isoformat()

    def _running(self) -> asyncio.Task[dict[str, Any]]:
        task, now = self._task, time.monotonic()
        if task is None or (task.done() and now - self._began > KEPT_SECONDS):
            task = self._task = asyncio.ensure_future(self._look())
            self._began = now
        return task
