"""Subscription schedules as time passes: phases begin, the last one ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing import lifecycle

if TYPE_CHECKING:
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World


def phase_after(schedule: Body, at: int) -> Body | None:
    """Return the phase that runs at a moment."""
    return next((p for p in schedule["phases"] if p["start_date"] <= at < p["end_date"]), None)


def turn(world: World, schedule: Body, at: int) -> None:
    """Go on to the phase that begins now, or end the schedule."""
    sub = world.store.find("subscription", schedule["subscription"])
    phase = phase_after(schedule, at)
    if phase is None:
        _finish(world, schedule, sub, at)
        return
    with world.changing(schedule, "subscription_schedule.updated"):
        schedule["current_phase"] = {"start_date": phase["start_date"], "end_date": phase["end_date"]}
    if sub:
        put_on(world, sub, phase)


def put_on(world: World, sub: Body, phase: Body) -> None:
    """Give a subscription the prices of a phase."""
    with world.changing(sub, lifecycle.UPDATED):
        for item, wanted in zip(sub["items"]["data"], phase["items"], strict=False):
            item["price"] = world.store.get("price", wanted["price"])
            item["quantity"] = wanted.get("quantity", 1)
        if phase["metadata"]:
            sub["metadata"] = {**sub["metadata"], **phase["metadata"]}


def release(world: World, schedule: Body) -> Body:
    """Leave the subscription to itself."""
    sub = world.store.find("subscription", schedule["subscription"])
    with world.changing(schedule, "subscription_schedule.released"):
        schedule["status"] = "released"
        schedule["released_at"] = world.now(schedule["test_clock"])
        schedule["released_subscription"] = schedule["subscription"]
        schedule["subscription"] = None
        schedule["current_phase"] = None
    _detach(world, sub)
    return schedule


def _finish(world: World, schedule: Body, sub: Body | None, at: int) -> None:
    if schedule["end_behavior"] == "release":
        release(world, schedule)
        return
    with world.changing(schedule, "subscription_schedule.completed"):
        schedule["status"] = "completed"
        schedule["completed_at"] = at
        schedule["current_phase"] = None
    _detach(world, sub)
    if sub:
        lifecycle.end(world, sub, reason="cancellation_requested", at=at)


def _detach(world: World, sub: Body | None) -> None:
    if sub:
        with world.changing(sub, lifecycle.UPDATED):
            sub["schedule"] = None
