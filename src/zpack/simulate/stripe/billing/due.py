"""What is due next in one time, and how time moves on: deed by deed, each at its own moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing import checkouts, lifecycle, phases
from zpack.simulate.stripe.billing.calendar import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

    Act = Callable[[World, Body, int], object]

MOST_ROUNDS = 100_000
FIRST, PHASE, PERIOD, MONEY = range(4)
"""What comes first at one moment: an end, then a schedule's phase, then a new period, then its money."""


@dataclass(frozen=True)
class Deed:
    """Something that an object is due for."""

    at: int
    rank: int
    body: Body
    act: Act

    @property
    def when(self) -> tuple[int, int]:
        """Return its place in time."""
        return self.at, self.rank


def pass_time(world: World, clock: str | None, until: int) -> None:
    """Do everything that is due until a moment, in its order; a test clock shows each deed's moment."""
    try:
        for _ in range(MOST_ROUNDS):
            deeds = [deed for body in _living(world, clock) for deed in _deeds(world, body)]
            when = min((deed.when for deed in deeds), default=(until + 1, 0))
            if when[0] > until:
                break
            _show(world, clock, when[0])
            _act(world, [deed for deed in deeds if deed.when == when])
        _show(world, clock, until)
    finally:
        world.moment = None


def _act(world: World, deeds: list[Deed]) -> None:
    """Do what is due at one moment, each object once; what a deed before it has made void is left."""
    done: set[str] = set()
    for deed in deeds:
        ident = deed.body["id"]
        if ident not in done and any(still.when == deed.when for still in _deeds(world, deed.body)):
            done.add(ident)
            deed.act(world, deed.body, deed.at)


def _show(world: World, clock: str | None, at: int) -> None:
    if clock is None:
        world.moment = at
    found = world.store.find("test_helpers.test_clock", clock)
    if found:
        found["frozen_time"] = max(at, found["frozen_time"])
        world.store.put(found)


def _living(world: World, clock: str | None) -> Iterator[Body]:
    """Yield the objects that live by a clock and may be due for something."""
    for kind in ("subscription", "subscription_schedule", "invoice"):
        for body in world.store.all(kind):
            if body["test_clock"] == clock:
                yield body
    for session in world.store.all("checkout.session"):
        if session["status"] == "open" and world.clock_of(session["customer"]) == clock:
            yield session


def _deeds(world: World, body: Body) -> Iterator[Deed]:
    if body["object"] == "subscription":
        yield from _of_subscription(world, body)
    elif body["object"] == "invoice":
        yield from _of_invoice(body)
    elif body["object"] == "subscription_schedule" and body["status"] == "active":
        yield Deed(body["current_phase"]["end_date"], PHASE, body, phases.turn)
    elif body["object"] == "checkout.session" and body["status"] == "open":
        yield Deed(body["expires_at"], FIRST, body, lambda w, s, _: checkouts.expire(w, s))


def _of_subscription(world: World, sub: Body) -> Iterator[Deed]:
    if sub["status"] in lifecycle.ENDED:
        return
    if sub["status"] == "incomplete":
        end = sub["created"] + lifecycle.INCOMPLETE_HOURS * HOUR
        yield Deed(end, FIRST, sub, lambda w, s, _: lifecycle.expire_incomplete(w, s))
        return
    if sub["pending_update"]:
        end = sub["pending_update"]["expires_at"]
        yield Deed(end, FIRST, sub, lambda w, s, _: lifecycle.expire_pending(w, s))
    if sub["cancel_at"]:
        yield Deed(sub["cancel_at"], FIRST, sub, _cancel)
    if sub["pause_collection"] and sub["pause_collection"]["resumes_at"]:
        again = sub["pause_collection"]["resumes_at"]
        yield Deed(again, FIRST, sub, lambda w, s, _: lifecycle.resume_collection(w, s))
    if sub["status"] in lifecycle.LIVE:
        end = min(item["current_period_end"] for item in sub["items"]["data"])
        yield Deed(end, PERIOD, sub, lifecycle.renew)
    if sub["status"] == "trialing" and world.store.peek(sub["id"]).get("announced") != sub["trial_end"]:
        moment = max(sub["trial_end"] - lifecycle.NOTICE, sub["trial_start"])
        yield Deed(moment, FIRST, sub, lambda w, s, _: lifecycle.announce_trial_end(w, s))


def _of_invoice(invoice: Body) -> Iterator[Deed]:
    if invoice["status"] == "draft" and invoice["automatically_finalizes_at"]:
        moment = invoice["automatically_finalizes_at"]
        yield Deed(moment, MONEY, invoice, lambda w, i, _: lifecycle.collect_draft(w, i))
    if invoice["status"] == "open" and invoice["next_payment_attempt"]:
        moment = invoice["next_payment_attempt"]
        yield Deed(moment, MONEY, invoice, lambda w, i, _: lifecycle.pay(w, i))


def _cancel(world: World, sub: Body, at: int) -> None:
    lifecycle.end(world, sub, reason="cancellation_requested", at=at)
