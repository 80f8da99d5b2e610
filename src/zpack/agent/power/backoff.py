"""How long to wait before a crashed workload is started again. Pure."""

from __future__ import annotations


class Backoff:
    """One pause after the other, then none: give up. A run that lasted begins anew."""

    def __init__(self, *, seconds: tuple[float, ...], stable_seconds: float) -> None:
        self._seconds = seconds
        self._stable = stable_seconds
        self._used = 0

    @property
    def used(self) -> int:
        """Pauses taken since the last stable run."""
        return self._used

    def reset(self) -> None:
        """Begin anew."""
        self._used = 0

    def after(self, uptime: float) -> float | None:
        """Return the pause after a crash that followed ``uptime`` seconds, or ``None`` to give up."""
        if uptime >= self._stable:
            self._used = 0
        if self._used >= len(self._seconds):
            return None
        self._used += 1
        return self._seconds[self._used - 1]
