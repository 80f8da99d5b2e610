"""``/v1/subscription_schedules``: what a subscription changes to later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.billing import begin, lifecycle, phases
from zpack.simulate.stripe.billing.calendar import after
from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import ApiError, invalid
from zpack.simulate.stripe.forms import FLAG, METADATA, MOMENT, TEXT, Fields, Many, Whole, merged, one_of
from zpack.simulate.stripe.listing import matching, page
from zpack.simulate.stripe.resources.catalog import INTERVAL
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.forms import Kind
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

PRORATION = one_of("always_invoice", "create_prorations", "none")
ITEM = Fields({"metadata": METADATA, "price": TEXT, "quantity": Whole(least=1)})
DURATION = Fields({"interval": INTERVAL, "interval_count": Whole(least=1)}, required=("interval",))
NOW_OR = Whole(("now",), least=0)
PHASE: dict[str, Kind] = {
    "duration": DURATION,
    "end_date": MOMENT,
    "items": Many(ITEM),
    "metadata": METADATA,
    "proration_behavior": PRORATION,
}
END = one_of("cancel", "release")
CREATE: dict[str, Kind] = {
    "customer": TEXT,
    "end_behavior": END,
    "from_subscription": TEXT,
    "metadata": METADATA,
    "phases": Many(Fields(PHASE, required=("items",))),
    "start_date": Whole(("now",), least=0),
}
UPDATE: dict[str, Kind] = {
    "end_behavior": END,
    "metadata": METADATA,
    "phases": Many(Fields({**PHASE, "end_date": NOW_OR, "start_date": NOW_OR}, required=("items",))),
    "proration_behavior": PRORATION,
}
MOST_PHASES = 10


def create(world: World, call: Call) -> Body:
    """Put a running subscription on a schedule, or begin one with its schedule."""
    given = call.given
    if given.get("from_subscription"):
        if set(given) - {"from_subscription", "expand"}:
            raise invalid(
                "You cannot set other parameters together with `from_subscription`.",
                param="from_subscription",
            )
        sub = lifecycle.running(world, given["from_subscription"])
        if sub["schedule"]:
            raise invalid(
                "You cannot migrate a subscription that is already attached to a schedule:"
                f" `{sub['schedule']}`.",
                param="from_subscription",
            )
        return _kept(world, sub, [_running_phase(sub)], {})
    if not given.get("customer") or not given.get("phases"):
        raise invalid(
            "Give `from_subscription`, or `customer` and `phases`.",
            param="customer",
            code="parameter_missing",
        )
    if given.get("start_date") not in {None, "now"}:
        raise invalid("The simulation begins schedules now only.", param="start_date")
    now = world.now_of(given["customer"])
    planned = _phases(world, given["phases"], now, None)
    sub = begin.begin(world, {"customer": given["customer"], "items": given["phases"][0]["items"]})
    return _kept(world, sub, planned, given)


def update(world: World, call: Call) -> Body:
    """Change the phases to come."""
    schedule, given = world.store.get("subscription_schedule", call["schedule"]), call.given
    _running(schedule)
    sub = world.store.get("subscription", schedule["subscription"])
    now = world.now(schedule["test_clock"])
    planned = schedule["phases"]
    if given.get("phases") is not None:
        if not given["phases"]:
            raise invalid("You must specify at least one phase.", param="phases")
        planned = _phases(world, given["phases"], now, schedule["current_phase"])
    current = next((phase for phase in planned if phase["start_date"] <= now < phase["end_date"]), None)
    if current is None:
        raise invalid("The phases must cover the present.", param="phases")
    with world.changing(schedule, "subscription_schedule.updated"):
        schedule["phases"] = planned
        schedule["current_phase"] = {"start_date": current["start_date"], "end_date": current["end_date"]}
        schedule["end_behavior"] = given.get("end_behavior") or schedule["end_behavior"]
        if "metadata" in given:
            schedule["metadata"] = merged(schedule["metadata"], given["metadata"])
    phases.put_on(world, sub, current)
    return schedule


def release(world: World, call: Call) -> Body:
    """Leave the subscription as it is now."""
    schedule = world.store.get("subscription_schedule", call["schedule"])
    _running(schedule)
    return phases.release(world, schedule)


def cancel(world: World, call: Call) -> Body:
    """End the schedule and its subscription."""
    schedule = world.store.get("subscription_schedule", call["schedule"])
    _running(schedule)
    sub = world.store.get("subscription", schedule["subscription"])
    with world.changing(schedule, "subscription_schedule.canceled"):
        schedule["status"], schedule["canceled_at"] = "canceled", world.now(schedule["test_clock"])
        schedule["current_phase"] = None
    sub["schedule"] = None
    lifecycle.end(world, sub, reason="cancellation_requested")
    return schedule


def index(world: World, call: Call) -> Body:
    """List schedules."""
    rows = matching(world.store.all("subscription_schedule"), call.given, "customer")
    return page(rows, call.given, "/v1/subscription_schedules")


def _kept(world: World, sub: Body, planned: list[Body], given: dict[str, Any]) -> Body:
    current = planned[0]
    body: Body = {
        "id": new_id("sub_sched"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": dict(sub["billing_mode"]),
        "canceled_at": None,
        "completed_at": None,
        "created": world.now(sub["test_clock"]),
        "current_phase": {"start_date": current["start_date"], "end_date": current["end_date"]},
        "customer": sub["customer"],
        "customer_account": None,
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": "charge_automatically",
            "default_payment_method": None,
            "description": None,
            "invoice_settings": {"account_tax_ids": None, "days_until_due": None, "issuer": {"type": "self"}},
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": given.get("end_behavior") or "release",
        "livemode": False,
        "metadata": merged({}, given.get("metadata")),
        "phases": planned,
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": sub["id"],
        "test_clock": sub["test_clock"],
    }
    world.add(body, "subscription_schedule.created")
    with world.changing(sub, lifecycle.UPDATED):
        sub["schedule"] = body["id"]
    return body


def _running(schedule: Body) -> None:
    if schedule["status"] not in {"active", "not_started"}:
        raise ApiError(
            400,
            "You cannot update a subscription schedule that is currently in the"
            f" `{schedule['status']}` status.",
        )


def _running_phase(sub: Body) -> Body:
    first = sub["items"]["data"][0]
    items = [{"price": item["price"]["id"], "quantity": item["quantity"]} for item in sub["items"]["data"]]
    return _phase(items, sub["currency"], first["current_period_start"], first["current_period_end"], {})


def _phases(world: World, rows: list[dict[str, Any]], now: int, current: Body | None) -> list[Body]:
    if len(rows) > MOST_PHASES:
        raise invalid(f"A schedule has at most {MOST_PHASES} phases.", param="phases")
    begun = current["start_date"] if current else now
    planned: list[Body] = []
    for number, row in enumerate(rows):
        param = f"phases[{number}]"
        given = row.get("start_date")
        start = now if given == "now" else given if given is not None else begun
        if (planned and start != begun) or (not planned and current and start != current["start_date"]):
            raise invalid("Each phase must start where the one before it ends.", param=f"{param}[start_date]")
        items = row["items"] or []
        prices = [world.store.get("price", item.get("price"), param=f"{param}[items]") for item in items]
        if not prices:
            raise invalid("A phase needs items.", param=f"{param}[items]")
        begun = _end(row, start, prices[0], now, param)
        planned.append(_phase(items, prices[0]["currency"], start, begun, row))
    return planned


def _end(row: dict[str, Any], start: int, price: Body, now: int, param: str) -> int:
    if row.get("duration"):
        return after(start, {"interval_count": 1, **row["duration"]})
    wanted = row.get("end_date")
    if wanted is None:
        return after(start, price["recurring"])
    end = now if wanted == "now" else wanted
    if end <= start:
        raise invalid("A phase must end after it starts.", param=f"{param}[end_date]")
    return end


def _phase(items: list[dict[str, Any]], currency: str, start: int, end: int, row: dict[str, Any]) -> Body:
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": currency,
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": end,
        "invoice_settings": None,
        "items": [
            {
                "billing_thresholds": None,
                "discounts": [],
                "metadata": merged({}, item.get("metadata")),
                "price": item["price"],
                "quantity": item.get("quantity") or 1,
                "tax_rates": [],
            }
            for item in items
        ],
        "metadata": merged({}, row.get("metadata")),
        "on_behalf_of": None,
        "proration_behavior": row.get("proration_behavior") or "create_prorations",
        "start_date": start,
        "transfer_data": None,
        "trial_end": None,
    }


ROUTES = [
    route("POST", "/v1/subscription_schedules", create, CREATE),
    listed("/v1/subscription_schedules", index, {"customer": TEXT}),
    route(
        "GET",
        "/v1/subscription_schedules/{schedule}",
        lambda world, call: world.store.get("subscription_schedule", call["schedule"]),
    ),
    route("POST", "/v1/subscription_schedules/{schedule}", update, UPDATE),
    route("POST", "/v1/subscription_schedules/{schedule}/release", release, {"preserve_cancel_date": FLAG}),
    route(
        "POST", "/v1/subscription_schedules/{schedule}/cancel", cancel, {"invoice_now": FLAG, "prorate": FLAG}
    ),
]
