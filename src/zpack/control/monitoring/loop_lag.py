"""Measures how late the event loop is: what blocks it makes everybody wait."""

from __future__ import annotations

import asyncio

from zpack.control.engine.measures import LOOP_LAG

EVERY = 0.25


class LoopLag:
    """A timer that looks how late it is, for as long as the process serves."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look, in the running loop."""
        self._plan(asyncio.get_running_loop())

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _plan(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(EVERY, self._look, loop, loop.time() + EVERY)

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        LOOP_LAG.observe(max(0.0, loop.time() - due))
        self._plan(loop)
