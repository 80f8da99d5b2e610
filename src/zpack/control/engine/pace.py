"""How many calls may be made to somebody who counts them: by our own count, and by what he says."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_PAUSE = 600.0


class Pace:
    """A bucket of ``amount`` calls that fills again within ``seconds``; who finds it empty is sent away."""

    def __init__(
        self, *, name: str, amount: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._amount = amount
        self._per_second = amount / seconds
        self._clock = clock
        self._left = float(amount)
        self._filled = clock()
        self._paused_until = 0.0
        self.taken = 0
        """Calls made so far."""

    def take(self) -> None:
        """Count one call. Raises ForeignError, transient, when there may be none now."""
        now = self._clock()
        self._left = min(self._amount, self._left + (now - self._filled) * self._per_second)
        self._filled = now
        wait = max((1 - self._left) / self._per_second, self._paused_until - now)
        if wait > 0:
            message = f"{self._name} takes no more calls for {math.ceil(wait)} s"
            raise ForeignError(message, transient=True)
        self._left -= 1
        self.taken += 1

    def pause(self, retry_after: str | None, *, otherwise: float) -> None:
        """Make no calls for so many seconds as the header ``Retry-After`` says."""
        seconds = (
            float(retry_after)
            if retry_after and retry_after.isascii() and retry_after.isdigit()
            else otherwise
        )
        self._paused_until = self._clock() + min(LONGEST_PAUSE, max(1.0, seconds))
