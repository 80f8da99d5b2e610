"""How many calls may be made to somebody who counts them: by our own count, and by what he says."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING

from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_PAUSE = 600.0


class Spent(ForeignError):
    """There may be no call for so many ``seconds``."""

    def __init__(self, name: str, seconds: int) -> None:
        super().__init__(f"{name} takes no more calls for {seconds} s", transient=True)
        self.seconds = seconds


class Pace:
    """At most ``amount`` calls within any ``seconds``; who comes too soon is sent away."""

    def __init__(
        self, *, name: str, amount: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._clock = clock
        self._made: deque[float] = deque(maxlen=amount)
        self._paused_until = 0.0

    def take(self) -> None:
        """Count one call. Raises Spent when there may be none now."""
        now = self._clock()
        free_at = self._made[0] + self._seconds if len(self._made) == self._made.maxlen else 0.0
        wait = max(free_at, self._paused_until) - now
        if wait > 0:
            raise Spent(self._name, math.ceil(wait))
        self._made.append(now)

    def pause(self, seconds: float) -> None:
        """Make no calls for so many seconds, at least one."""
        self._paused_until = self._clock() + min(LONGEST_PAUSE, max(1.0, seconds))
