"""How many times its seconds a promise may take here: a ceiling, not a figure; figures are of benchmarks/.

A machine three times as slow as ours keeps it; on one that is busy otherwise it is higher still.
"""

from __future__ import annotations

import time

SPIN = 0.05
LEAST, MOST = 3.0, 12.0


def slowness() -> float:
    """Return three times the wall time over the processor time of a short spin: 3 when we are alone, at most 12."""
    began, used = time.monotonic(), time.process_time()
    while time.process_time() - used < SPIN:
        pass
    return min(MOST, LEAST * max(1.0, (time.monotonic() - began) / SPIN))
