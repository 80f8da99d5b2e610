"""``/v1/invoices/create_preview``: what an invoice would say; nothing is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.billing import changes, invoicing, lifecycle
from zpack.simulate.stripe.billing.lines import period_part
from zpack.simulate.stripe.calls import route
from zpack.simulate.stripe.errors import ApiError, invalid
from zpack.simulate.stripe.forms import (
    FLAG,
    MOMENT,
    TEXT,
    Fields,
    Many,
    one_of,
)
from zpack.simulate.stripe.resources.subscription_forms import ITEM, PRORATION
from zpack.simulate.stripe.store import copied, new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.forms import Kind
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

PREVIEW: dict[str, Kind] = {
    "customer": TEXT,
    "preview_mode": one_of("next", "recurring"),
    "subscription": TEXT,
    "subscription_details": Fields(
        {
            "cancel_at_period_end": FLAG,
            "cancel_now": FLAG,
            "items": Many(ITEM),
            "proration_behavior": PRORATION,
            "proration_date": MOMENT,
        }
    ),
}


def preview(world: World, call: Call) -> Body:
    """Return what the next invoice would say, or the one of a change; nothing is kept."""
    given = call.given
    if not given.get("subscription"):
        raise invalid("The simulation previews the invoices of a subscription.", param="subscription")
    sub = copied(world.store.get("subscription", given["subscription"], param="subscription"))
    details = given.get("subscription_details") or {}
    at = details.get("proration_date") or world.now(sub["test_clock"])
    invoice = _previewed(world, sub, details, at)
    invoice["id"] = new_id("upcoming_in")
    invoice["created"] = at
    for row in invoice["lines"]["data"]:
        row["invoice"] = invoice["id"]
    return invoice


def _previewed(world: World, sub: Body, details: dict[str, Any], at: int) -> Body:
    behavior = details.get("proration_behavior") or "create_prorations"
    parts: list[Any] = []
    if details.get("items") is not None:
        where = "subscription_details[items]"
        change = changes.plan(world, sub, details["items"], behavior=behavior, at=at, param=where)
        parts = change.parts
        if behavior == "always_invoice" or change.restarts:
            return invoicing.of_subscription(world, sub, reason="subscription_update", at=at, parts=parts)
        sub["items"]["data"] = change.items
    end = min(item["current_period_end"] for item in sub["items"]["data"])
    ends = sub["cancel_at_period_end"] or details.get("cancel_at_period_end") or details.get("cancel_now")
    if ends and not parts:
        raise ApiError(
            400, "No upcoming invoices for a subscription that ends.", code="invoice_upcoming_none"
        )
    lifecycle.roll(sub, end)
    parts = [*parts, *(period_part(world, sub, item) for item in sub["items"]["data"])]
    invoice = invoicing.of_subscription(world, sub, reason="upcoming", at=end, parts=parts)
    invoice["next_payment_attempt"] = end + 3600
    return invoice


ROUTES = [route("POST", "/v1/invoices/create_preview", preview, PREVIEW)]
