"""How much slower than alone this machine runs us now: a promise in seconds holds on one that is not loaded."""

from __future__ import annotations

import time

SPIN = 0.05
MOST = 10.0


def slowness() -> float:
    """Return wall time over processor time of a short spin: 1 when we are alone, at most 10."""
    began, used = time.monotonic(), time.process_time()
    while time.process_time() - used < SPIN:
        pass
    return min(MOST, max(1.0, (time.monotonic() - began) / SPIN))
