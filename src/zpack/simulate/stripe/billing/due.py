"""What is due next in one time, and how time moves on: deed by deed, each at its own moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing import checkouts, lifecycle, phases
from zpack.simulate.stripe.billing.calendar import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

    Deed = tuple[int, int, Callable[[int], object]]

MOST_DEEDS = 100_000


def pass_time(world: World, clock: str | None, until: int) -> None:
    """Do everything that is due until a moment, in its order; a test clock shows each deed's moment."""
    try:
        for _ in range(MOST_DEEDS):
            first = min(_deeds(world, clock), key=lambda deed: deed[:2], default=None)
            if first is None or first[0] > until:
                break
            _show(world, clock, first[0])
            first[2](first[0])
        _show(world, clock, until)
    finally:
        world.moment = None


def _show(world: World, clock: str | None, at: int) -> None:
    if clock is None:
        world.moment = at
    found = world.store.find("test_helpers.test_clock", clock)
    if found:
        found["frozen_time"] = max(at, found["frozen_time"])
        world.store.put(found)


def _deeds(world: World, clock: str | None) -> Iterator[Deed]:
    for sub in world.store.all("subscription"):
        if sub["test_clock"] == clock and sub["status"] not in lifecycle.ENDED:
            yield from _of_subscription(world, sub)
    for schedule in world.store.all("subscription_schedule"):
        if schedule["test_clock"] == clock and schedule["status"] == "active":
            yield schedule["current_phase"]["end_date"], 1, lambda at, s=schedule: phases.turn(world, s, at)
    for invoice in world.store.all("invoice"):
        if invoice["test_clock"] == clock:
            yield from _of_invoice(world, invoice)
    for session in world.store.all("checkout.session"):
        if session["status"] == "open" and world.clock_of(session["customer"]) == clock:
            yield session["expires_at"], 0, lambda _, s=session: checkouts.expire(world, s)


def _of_subscription(world: World, sub: Body) -> Iterator[Deed]:
    if sub["status"] == "incomplete":
        yield (
            sub["created"] + lifecycle.INCOMPLETE_HOURS * HOUR,
            0,
            lambda _: lifecycle.expire_incomplete(world, sub),
        )
        return
    if sub["pending_update"]:
        yield sub["pending_update"]["expires_at"], 0, lambda _: lifecycle.expire_pending(world, sub)
    if sub["cancel_at"]:
        yield (
            sub["cancel_at"],
            0,
            lambda at: lifecycle.end(world, sub, reason="cancellation_requested", at=at),
        )
    if sub["pause_collection"] and sub["pause_collection"]["resumes_at"]:
        yield sub["pause_collection"]["resumes_at"], 0, lambda _: lifecycle.resume_collection(world, sub)
    if sub["status"] in lifecycle.LIVE:
        end = min(item["current_period_end"] for item in sub["items"]["data"])
        yield end, 2, lambda at: lifecycle.renew(world, sub, at)
    if sub["status"] == "trialing" and world.store.peek(sub["id"]).get("announced") != sub["trial_end"]:
        moment = max(sub["trial_end"] - lifecycle.NOTICE, sub["trial_start"])
        yield moment, 0, lambda _: lifecycle.announce_trial_end(world, sub)


def _of_invoice(world: World, invoice: Body) -> Iterator[Deed]:
    if invoice["status"] == "draft" and invoice["automatically_finalizes_at"]:
        yield invoice["automatically_finalizes_at"], 3, lambda _: lifecycle.collect_draft(world, invoice)
    if invoice["status"] == "open" and invoice["next_payment_attempt"]:
        yield invoice["next_payment_attempt"], 3, lambda _: lifecycle.pay(world, invoice)
