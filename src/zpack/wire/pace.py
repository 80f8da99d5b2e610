"""Says how long whoever asks too fast has to wait: nothing is refused, nothing piles up. Pure."""

from __future__ import annotations


class Pace:
    """``burst`` at once, then ``rate`` a second. ``now`` is on any clock that only goes forward."""

    def __init__(self, *, burst: float, rate: float, now: float) -> None:
        self._burst = burst
        self._rate = rate
        self._left = burst
        self._at = now

    def spend(self, amount: float, *, now: float) -> float:
        """Spend, and return the seconds to wait before it may be used."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - amount
        self._at = now
        return max(0.0, -self._left / self._rate)
