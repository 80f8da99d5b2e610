"""Slows down whoever types too fast: they wait, nothing is refused and nothing piles up."""

from __future__ import annotations

import asyncio
import time


class Pace:
    """``burst`` at once, then ``rate`` a second."""

    def __init__(self, *, burst: float, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._left = burst
        self._at = time.monotonic()

    async def spend(self, amount: float) -> None:
        """Wait until so much may be spent."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - amount
        self._at = now
        if self._left < 0:
            await asyncio.sleep(-self._left / self._rate)
