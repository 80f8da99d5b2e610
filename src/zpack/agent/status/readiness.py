"""Whether the server serves: the last word of its own status ping, and how it came to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zpack.agent.status.ping import Answer
    from zpack.wire.agent import Ready

PATIENCE = 2
"""Pings that must fail in a row before a server that was ready is not."""


@dataclass
class Readiness:
    """What ``/ready`` tells. One failed ping of a busy server is not yet the loss of it."""

    ready: bool = False
    source: str = "minecraft_ping"
    """The probe of the engine."""
    error: str | None = None
    last_at: str | None = None
    answer: Answer | None = None
    _failures: int = 0

    def pinged(self, answer: Answer, *, at: str) -> None:
        """The server answered."""
        self.ready, self.error, self.last_at, self.answer, self._failures = True, None, at, answer, 0

    def missed(self, reason: str) -> None:
        """The server did not answer."""
        self._failures += 1
        if not self.ready or self._failures >= PATIENCE:
            self.ready, self.error, self.answer = False, reason, None

    def down(self, reason: str) -> None:
        """There is no server to ask."""
        self.ready, self.error, self.answer, self._failures = False, reason, None, 0

    def as_json(self) -> Ready:
        """The body of ``/ready``."""
        body: Ready = {"ready": self.ready}
        if self.last_at:
            body["readySource"] = self.source
            body["lastReadyAt"] = self.last_at
        if not self.ready:
            body["readyError"] = self.error or "the server is not running"
        return body
