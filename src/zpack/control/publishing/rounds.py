"""What a round of a reconciler is made of: its rhythm, what it found, who looks on, and when it gives up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.engine.errors import ForeignError
    from zpack.control.instances.models import EdgeIntent

BREAK_AFTER = 3
"""So many failures in a row are the system's, not the servers': the rest wait for the next round."""


@dataclass(frozen=True)
class Rhythm:
    """How often a system is looked at: providers with limits rarely, and few calls at once."""

    every: float
    """Seconds between two looks at our own records."""
    listing: float
    """Seconds between two looks at all that the system holds; 0: with every look at our records."""
    at_once: int
    pause: float
    """Seconds that one server waits after its first failure, twice as long after each next; 0: none waits."""


class Watcher(Protocol):
    """Somebody who wants to know what a system listed."""

    async def saw(self, listed: Mapping[str, str], rows: Mapping[str, EdgeIntent]) -> None:
        """Take in what is listed now."""
        ...

    def blind(self) -> None:
        """Forget what was seen: another worker looks from now on."""
        ...


@dataclass
class Gap:
    """What a system lacks and what it has too much."""

    put: list[EdgeIntent] = field(default_factory=list["EdgeIntent"])
    drop: list[tuple[str, EdgeIntent | None]] = field(default_factory=list[tuple[str, "EdgeIntent | None"]])
    withheld: list[str] = field(default_factory=list[str])
    """Names without a server that are left alone: they are too many at once."""

    def __bool__(self) -> bool:
        return bool(self.put or self.drop)


class Fuse:
    """Blows after several passing failures in a row: then the system is away, and nobody knocks on."""

    def __init__(self) -> None:
        self._row = 0
        self.blown: ForeignError | None = None

    def count(self, failure: ForeignError | None) -> None:
        """Take in how one call ended."""
        self._row = self._row + 1 if failure is not None and failure.transient else 0
        if failure is not None and self._row >= BREAK_AFTER:
            self.blown = failure
