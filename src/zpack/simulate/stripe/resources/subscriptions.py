"""``/v1/subscriptions``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.billing import begin, changes, invoicing, lifecycle
from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import ApiError, invalid
from zpack.simulate.stripe.forms import (
    EXPAND,
    FLAG,
    TEXT,
    merged,
    one_of,
)
from zpack.simulate.stripe.listing import matching, page
from zpack.simulate.stripe.resources.subscription_forms import (
    COLLECTION,
    CREATE,
    DETAILS,
    PENDING_ALLOWS,
    PRORATION,
    STATUS,
    UPDATE,
)

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World


def create(world: World, call: Call) -> Body:
    """Begin a subscription."""
    return begin.begin(world, call.given)


def update(world: World, call: Call) -> Body:
    """Change a subscription: its items with what they cost, its trial, its end, its pause."""
    sub, given = lifecycle.running(world, call["id"]), call.given
    _check(world, sub, given)
    now = world.now(sub["test_clock"])
    if given.get("items") is not None:
        _change_items(world, sub, given, now)
    if given.get("trial_end") is not None:
        _change_trial(world, sub, given["trial_end"], now)
    if given.get("billing_cycle_anchor") == "now":
        lifecycle.restart(world, sub, now)
    with world.changing(sub, lifecycle.UPDATED):
        _change_settings(sub, given, now)
    return sub


def cancel(world: World, call: Call) -> Body:
    """End a subscription now."""
    sub = lifecycle.running(world, call["id"])
    details = call.given.get("cancellation_details")
    if details:
        sub["cancellation_details"].update(details)
    if sub["schedule"]:
        schedule = world.store.get("subscription_schedule", sub["schedule"])
        schedule["status"], schedule["canceled_at"] = "canceled", world.now(sub["test_clock"])
        schedule["current_phase"], sub["schedule"] = None, None
        world.store.put(schedule)
        world.emit("subscription_schedule.canceled", schedule)
    if call.given.get("invoice_now") and invoicing.pending_items(world, sub):
        at = world.now(sub["test_clock"])
        invoice = invoicing.of_subscription(world, sub, reason="subscription_update", at=at, parts=[])
        lifecycle.collect_draft(world, invoicing.keep(world, invoice))
    return lifecycle.end(world, sub, reason="cancellation_requested")


def resume(world: World, call: Call) -> Body:
    """Resume a paused subscription with a new period."""
    sub = lifecycle.running(world, call["id"])
    if sub["status"] != "paused":
        raise ApiError(400, f"Only paused subscriptions can be resumed; this one is {sub['status']}.")
    lifecycle.restart(world, sub, world.now(sub["test_clock"]))
    world.emit("customer.subscription.resumed", sub)
    return sub


def index(world: World, call: Call) -> Body:
    """List subscriptions; ended ones only when asked for."""
    given = call.given
    wanted = given.get("status")
    clock = given.get("test_clock")
    rows = (
        sub
        for sub in world.store.all("subscription")
        if _listed(sub["status"], wanted)
        and (not given.get("price") or any(i["price"]["id"] == given["price"] for i in sub["items"]["data"]))
        and (given.get("customer") or sub["test_clock"] == clock)
    )
    return page(matching(rows, given, "customer", "collection_method"), given, "/v1/subscriptions")


def _listed(status: str, wanted: str | None) -> bool:
    if wanted == "all":
        return True
    if wanted == "ended":
        return status in lifecycle.ENDED
    return status == wanted if wanted else status not in lifecycle.ENDED


def _check(world: World, sub: Body, given: dict[str, Any]) -> None:
    if given.get("payment_behavior") == "pending_if_incomplete":
        more = sorted(set(given) - PENDING_ALLOWS)
        if more:
            raise invalid(
                "When `payment_behavior` is set to `pending_if_incomplete`, you can only pass in supported"
                f" parameters; {', '.join(more)} is not.",
                param=more[0],
            )
        if sub["collection_method"] == "send_invoice":
            raise invalid("`pending_if_incomplete` needs automatic collection.", param="payment_behavior")
    if sub["status"] == "incomplete" and given.get("items") is not None:
        raise invalid("A subscription whose first invoice is unpaid cannot change its items.", param="items")
    if sub["schedule"] and set(given) & {
        "items",
        "cancel_at",
        "cancel_at_period_end",
        "trial_end",
        "billing_cycle_anchor",
    }:
        raise invalid(
            f"The subscription is managed by the subscription schedule `{sub['schedule']}`, and updating any"
            " cancelation behavior or items directly is not allowed. Please update the schedule instead.",
        )
    if given.get("default_payment_method"):
        begin.own(world, world.store.get("customer", sub["customer"]), given["default_payment_method"])


def _change_items(world: World, sub: Body, given: dict[str, Any], now: int) -> None:
    behavior = given.get("proration_behavior") or "create_prorations"
    at = given.get("proration_date") or now
    first = sub["items"]["data"][0]
    if not first["current_period_start"] <= at <= max(now, first["current_period_end"]):
        raise invalid("The proration date must be within the current period.", param="proration_date")
    if sub["pending_update"]:
        lifecycle.expire_pending(world, sub)
    change = changes.plan(world, sub, given["items"], behavior=behavior, at=at)
    payment = given.get("payment_behavior") or "allow_incomplete"
    changes.make(world, sub, change, behavior=behavior, payment=payment, at=now)


def _change_trial(world: World, sub: Body, until: int | str, now: int) -> None:
    if until == "now":
        if sub["status"] == "trialing":
            lifecycle.end_trial(world, sub, now)
        return
    if int(until) <= now:
        raise invalid(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end"
        )
    with world.changing(sub, lifecycle.UPDATED):
        sub["trial_start"] = sub["trial_start"] or now
        sub["trial_end"] = sub["billing_cycle_anchor"] = int(until)
        sub["status"] = "trialing"
        for item in sub["items"]["data"]:
            item["current_period_end"] = int(until)


def _change_settings(sub: Body, given: dict[str, Any], now: int) -> None:
    for name in ("collection_method", "days_until_due", "default_payment_method", "description"):
        if name in given:
            sub[name] = given[name]
    if "metadata" in given:
        sub["metadata"] = merged(sub["metadata"], given["metadata"])
    if "payment_settings" in given:
        sub["payment_settings"] = {**sub["payment_settings"], **(given["payment_settings"] or {})}
    if "trial_settings" in given:
        sub["trial_settings"] = begin.trial_settings(given["trial_settings"])
    if given.get("cancellation_details"):
        sub["cancellation_details"].update(given["cancellation_details"])
    if "pause_collection" in given:
        pause = given["pause_collection"]
        sub["pause_collection"] = (
            {"behavior": pause["behavior"], "resumes_at": pause.get("resumes_at")} if pause else None
        )
    if "cancel_at" in given:
        _cancel_at(sub, given["cancel_at"], now)
    if "cancel_at_period_end" in given and given["cancel_at_period_end"] != sub["cancel_at_period_end"]:
        wanted = given["cancel_at_period_end"]
        _cancel_at(sub, sub["items"]["data"][0]["current_period_end"] if wanted else None, now)
        sub["cancel_at_period_end"] = wanted


def _cancel_at(sub: Body, moment: int | None, now: int) -> None:
    if moment is not None and moment <= now:
        raise invalid("The time must be in the future.", param="cancel_at")
    sub["cancel_at"] = moment
    sub["cancel_at_period_end"] = False
    sub["canceled_at"] = now if moment else None
    sub["cancellation_details"]["reason"] = "cancellation_requested" if moment else None


ROUTES = [
    route("POST", "/v1/subscriptions", create, CREATE, required=("customer", "items")),
    listed(
        "/v1/subscriptions",
        index,
        {
            "collection_method": COLLECTION,
            "customer": TEXT,
            "price": TEXT,
            "status": STATUS,
            "test_clock": TEXT,
        },
    ),
    route("GET", "/v1/subscriptions/{id}", lambda world, call: world.store.get("subscription", call["id"])),
    route("POST", "/v1/subscriptions/{id}", update, UPDATE),
    route(
        "DELETE",
        "/v1/subscriptions/{id}",
        cancel,
        {"cancellation_details": DETAILS, "expand": EXPAND, "invoice_now": FLAG, "prorate": FLAG},
    ),
    route(
        "POST",
        "/v1/subscriptions/{id}/resume",
        resume,
        {"billing_cycle_anchor": one_of("now", "unchanged"), "proration_behavior": PRORATION},
    ),
]
