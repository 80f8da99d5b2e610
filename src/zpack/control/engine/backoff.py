"""Pauses between tries: exponential, capped, with jitter so that many waiters do not knock together."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def pauses(*, first: float = 0.3, factor: float = 1.7, cap: float = 10.0) -> Iterator[float]:
    """Yield seconds to wait before each next try, for ever."""
    pause = first
    while True:
        yield pause * random.uniform(0.7, 1.3)  # noqa: S311 - jitter, not a secret
        pause = min(cap, pause * factor)
