"""The poller kernel: calls a reconciler again and again, never twice at once.

A reconciler takes no input: it reads the whole intent, looks at the world and closes the gap. Hints only
wake it. When it fails it comes round again, later each time.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING

from zpack.control.engine import measures
from zpack.control.engine.backoff import pauses
from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger("zpack.periodic")


class Periodic:
    """One reconciler and its rhythm: every so many seconds, after failures later, up to ``cap``."""

    def __init__(
        self, *, name: str, every: float, tick: Callable[[], Awaitable[object]], cap: float = 60.0
    ) -> None:
        self.name = name
        self._every = every
        self._tick = tick
        self._cap = max(cap, every)
        self._hint = asyncio.Event()

    def hint(self) -> None:
        """Wake the reconciler now; safe to call from anywhere in the loop."""
        self._hint.set()

    async def run(self) -> None:
        """Call the reconciler until cancelled."""
        measures.RECONCILER_EVERY.labels(self.name).set(self._every)
        failures = pauses(first=self._every, cap=self._cap)
        while True:
            self._hint.clear()
            try:
                await self._round()
            except ForeignError as failure:
                log.warning("%s failed: %s", self.name, failure.message)
                pause = next(failures)
            except Exception:
                log.exception("%s failed", self.name)
                pause = next(failures)
            else:
                failures = pauses(first=self._every, cap=self._cap)
                pause = self._every * random.uniform(0.9, 1.1)  # noqa: S311 - jitter
            try:
                async with asyncio.timeout(pause):
                    await self._hint.wait()
            except TimeoutError:
                continue

    async def _round(self) -> None:
        """Call the reconciler once, and count how it went."""
        began, outcome = time.monotonic(), "failed"
        try:
            await self._tick()
            outcome = "ok"
            measures.RECONCILER_SUCCESS.labels(self.name).set_to_current_time()
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            measures.RECONCILER_RUNS.labels(self.name, outcome).inc()
            measures.RECONCILER_SECONDS.labels(self.name).observe(time.monotonic() - began)
