"""The simulated account: its store, its time, and the events that tell of every change."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zpack.simulate.faults import MOST, Aim, Faults
from zpack.simulate.stripe.store import Store, copied, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from zpack.simulate.stripe.settings import Settings
    from zpack.simulate.stripe.store import Body

OFFSET = "_offset"
MOST_EVENTS = 50_000
CHANGES = (".updated", ".refunded")
"""Endings of the events that tell what the attributes were."""


FAULTS = {
    "call": Aim(frozenset({"error", "error_after", "lost", "rate_limit", "latency"})),
    "delivery": Aim(frozenset({"duplicate", "drop", "shuffle", "hold"})),
    "customer": Aim(word="decline", usual="generic_decline", times=MOST),
}


class World:
    """One account in test mode. Everything in it happens in one thread, call by call."""

    def __init__(self, settings: Settings, *, file: Path | None = None) -> None:
        self.settings = settings
        self.store = Store(file)
        self.faults = Faults(FAULTS)
        self.request: dict[str, Any] = {"id": None, "idempotency_key": None}
        self.moment: int | None = None
        self.listeners: list[Callable[[Body], None]] = []

    def wall(self) -> int:
        """Return the time of what has no test clock: the machine's, and what the operator added."""
        if self.moment is not None:
            return self.moment
        return int(time.time()) + self.store.peek(OFFSET).get("seconds", 0)

    def add_time(self, seconds: int) -> None:
        """Move the time of what has no test clock."""
        note = self.store.note(OFFSET)
        note["seconds"] = note.get("seconds", 0) + seconds

    def now(self, clock: str | None) -> int:
        """Return the time of a test clock, or of what has none."""
        found = self.store.find("test_helpers.test_clock", clock)
        return found["frozen_time"] if found else self.wall()

    def clock_of(self, customer: str | None) -> str | None:
        """Return the test clock that a customer lives by."""
        found = self.store.find("customer", customer)
        return found.get("test_clock") if found else None

    def now_of(self, customer: str | None) -> int:
        """Return the time a customer lives in."""
        return self.now(self.clock_of(customer))

    def decline_of(self, customer: str | None) -> str | None:
        """Return the reason for which a customer's card is refused now, counting it, or None."""
        fault = self.faults.take(customer or "", target="customer")
        return fault.do if fault else None

    def emit(self, kind: str, body: Body, previous: Body | None = None) -> Body:
        """Record an event with a snapshot of its object and tell the listeners."""
        data: Body = {"object": copied(body)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": self.settings.api_version,
            "created": int(time.time()),
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": dict(self.request),
            "type": kind,
        }
        self.store.put(event)
        self.store.trim("event", MOST_EVENTS)
        for listener in self.listeners:
            listener(event)
        return event

    def add(self, body: Body, kind: str | None = None) -> Body:
        """Keep a new object and tell of it when ``kind`` names the event."""
        self.store.put(body)
        if kind:
            self.emit(kind, body)
        return body

    @contextmanager
    def changing(self, body: Body, kind: str) -> Generator[Body]:
        """Keep what the block changes, and tell of it once with the attributes as they were."""
        before = copied(body)
        yield body
        previous = {key: before.get(key) for key in {**before, **body} if before.get(key) != body.get(key)}
        self.store.put(body)
        if previous:
            self.emit(kind, body, previous if kind.endswith(CHANGES) else None)

    def link(self, path: str) -> str:
        """Return the address of one of our pages."""
        return f"{self.settings.base_url}{path}"
