"""Server-sent events on the wire, and what one listener still has to be told: pure (WHATWG HTML §9.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

PENDING_LIMIT = 500
RETRY_MS = 2000
PING = b": still here\n\n"
HELLO = f"retry: {RETRY_MS}\n\n".encode()


def event(kind: str, data: bytes) -> bytes:
    """Return one event; ``data`` is JSON on a single line."""
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


@dataclass
class Pending:
    """What a listener has not been told yet: each thing once, however often it changed.

    So a slow listener skips what is in between and costs a bounded amount of memory. Over ``PENDING_LIMIT``
    things it is simply told everything again.
    """

    everything: bool = True
    servers: set[str] = field(default_factory=set[str])
    operations: set[str] = field(default_factory=set[str])
    tickets: set[str] = field(default_factory=set[str])

    def missed(self) -> None:
        """Note that some changes may not have been heard."""
        self.everything = True
        self.servers.clear()

    def add(self, subject: str, key: str) -> None:
        """Note that an operation or a ticket, or else a server, changed."""
        {"operation": self.operations, "ticket": self.tickets}.get(subject, self.servers).add(key)
        if len(self.servers) + len(self.operations) + len(self.tickets) > PENDING_LIMIT:
            self.everything = True
        if self.everything:
            self.servers.clear()

    def __bool__(self) -> bool:
        return self.everything or bool(self.servers or self.operations or self.tickets)

    def taken(self) -> Pending:
        """Return what there is and begin anew."""
        taken = Pending(self.everything, self.servers, self.operations, self.tickets)
        self.everything, self.servers, self.operations, self.tickets = False, set(), set(), set()
        return taken
