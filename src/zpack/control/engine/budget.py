"""A time budget that is handed down a chain of calls instead of a timeout at each of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """A point on the event loop's clock after which no call may go on.

    Construct it with :meth:`seconds` inside a running loop.
    """

    deadline: float

    @classmethod
    def seconds(cls, amount: float) -> Budget:
        """Return a budget of ``amount`` seconds from now."""
        return cls(asyncio.get_running_loop().time() + amount)

    @property
    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    def at_most(self, amount: float) -> Budget:
        """Return the tighter of this budget and ``amount`` seconds from now."""
        return Budget(min(self.deadline, asyncio.get_running_loop().time() + amount))

    def timeout(self) -> asyncio.Timeout:
        """Return a context manager that raises ``TimeoutError`` at the deadline."""
        return asyncio.timeout_at(self.deadline)
