"""A new subscription: its items and periods, its trial, its first invoice and whether that is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.billing import charging, lifecycle
from zpack.simulate.stripe.billing.calendar import DAY, next_end
from zpack.simulate.stripe.billing.lines import amount_of
from zpack.simulate.stripe.errors import ApiError, invalid
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

NONE = (
    "application",
    "application_fee_percent",
    "billing_cycle_anchor_config",
    "billing_thresholds",
    "canceled_at",
    "customer_account",
    "default_source",
    "ended_at",
    "latest_invoice",
    "next_pending_invoice_item_invoice",
    "on_behalf_of",
    "pause_collection",
    "pending_invoice_item_interval",
    "pending_setup_intent",
    "pending_update",
    "schedule",
    "transfer_data",
)
NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider adding a"
    " default payment method."
)


def begin(world: World, given: dict[str, Any], *, present: bool = False) -> Body:
    """Keep a new subscription and return it. Raises ApiError; then nothing has begun."""
    customer = world.store.get("customer", given["customer"], param="customer")
    if given.get("default_payment_method"):
        own(world, customer, given["default_payment_method"])
    sub = draft(world, customer, given)
    method = charging.method_for(world, customer, sub["default_payment_method"])
    behavior = given.get("payment_behavior") or "allow_incomplete"
    free = sub["status"] == "trialing" or not sum(amount_of(item) for item in sub["items"]["data"])
    charged = sub["collection_method"] == "charge_automatically" and not free
    if charged and method is None and behavior != "default_incomplete":
        raise ApiError(400, NO_METHOD, code="resource_missing")
    if charged and behavior == "error_if_incomplete":
        expected = charging.outcome(world, customer["id"], method, present=present)
        if expected.state != charging.PAID:
            raise expected.error()
    if not customer["currency"]:
        customer["currency"] = sub["currency"]
        world.store.put(customer)
    world.add(sub, "customer.subscription.created")
    invoice = lifecycle.first_invoice(world, sub)
    if invoice["status"] == "paid":
        lifecycle.paid(world, sub, invoice)
    elif charged and behavior != "default_incomplete":
        lifecycle.pay(world, invoice, present=present)
    return sub


def draft(world: World, customer: Body, given: dict[str, Any]) -> Body:
    """Return a subscription that is not kept yet. Raises ApiError."""
    now = world.now(customer["test_clock"])
    trial_end = _trial_end(given, now)
    ident = new_id("sub")
    items = [new_item(world, ident, row, f"items[{n}]", now) for n, row in enumerate(given["items"])]
    currencies = {item["price"]["currency"] for item in items}
    if len(currencies) != 1:
        raise invalid("All prices on a subscription must have the same currency.", param="items")
    anchor = trial_end or now
    for item in items:
        item["current_period_end"] = trial_end or next_end(anchor, item["price"]["recurring"], now)
    automatic = (given.get("collection_method") or "charge_automatically") == "charge_automatically"
    sub: Body = {
        "id": ident,
        "object": "subscription",
        **dict.fromkeys(NONE),
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": anchor,
        "billing_mode": {"type": (given.get("billing_mode") or {}).get("type", "flexible")},
        "billing_schedules": [],
        "cancel_at": given.get("cancel_at"),
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically" if automatic else "send_invoice",
        "created": now,
        "currency": currencies.pop(),
        "customer": customer["id"],
        "days_until_due": given.get("days_until_due"),
        "default_payment_method": given.get("default_payment_method"),
        "default_tax_rates": [],
        "description": given.get("description"),
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {
            "object": "list",
            "data": items,
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={ident}",
        },
        "livemode": False,
        "metadata": _texts(given.get("metadata")),
        "payment_settings": payment_settings(given.get("payment_settings")),
        "start_date": now,
        "status": "trialing" if trial_end else "incomplete" if automatic else "active",
        "test_clock": customer["test_clock"],
        "trial_end": trial_end,
        "trial_settings": trial_settings(given.get("trial_settings")),
        "trial_start": now if trial_end else None,
    }
    if given.get("cancel_at_period_end"):
        sub["cancel_at_period_end"], sub["canceled_at"] = True, now
        sub["cancel_at"] = items[0]["current_period_end"]
    return sub


def new_item(world: World, sub: str, row: dict[str, Any], param: str, at: int) -> Body:
    """Return a subscription item for what a form asks. Raises ApiError."""
    price = world.store.get("price", row.get("price"), param=f"{param}[price]")
    if not price["recurring"]:
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with"
            " `type=recurring`.",
            param=f"{param}[price]",
        )
    if not price["active"]:
        raise invalid(
            "The price specified is inactive. This field only accepts active prices.", param=f"{param}[price]"
        )
    return {
        "id": new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": at,
        "current_period_end": at,
        "current_period_start": at,
        "discounts": [],
        "metadata": _texts(row.get("metadata")),
        "price": price,
        "quantity": row.get("quantity") if row.get("quantity") is not None else 1,
        "subscription": sub,
        "tax_rates": [],
    }


def payment_settings(given: dict[str, Any] | None) -> Body:
    """Return the payment settings of a subscription."""
    given = given or {}
    return {
        "payment_method_options": None,
        "payment_method_types": given.get("payment_method_types"),
        "save_default_payment_method": given.get("save_default_payment_method") or "off",
    }


def trial_settings(given: dict[str, Any] | None) -> Body:
    """Return what happens when a trial ends without a payment method."""
    behavior = ((given or {}).get("end_behavior") or {}).get("missing_payment_method")
    return {"end_behavior": {"missing_payment_method": behavior or "create_invoice"}}


def _trial_end(given: dict[str, Any], now: int) -> int | None:
    if given.get("trial_period_days"):
        return now + given["trial_period_days"] * DAY
    wanted = given.get("trial_end")
    if wanted is None or wanted == "now":
        return None
    if wanted <= now:
        raise invalid(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end"
        )
    return wanted


def own(world: World, customer: Body, method: str) -> None:
    """Refuse a payment method that is not the customer's. Raises ApiError."""
    found = world.store.get("payment_method", method, param="default_payment_method")
    if found["customer"] != customer["id"]:
        raise invalid(
            f"The customer does not have a payment method with the ID {method}. The payment method must be"
            " attached to the customer.",
            param="default_payment_method",
            code="resource_missing",
        )


def _texts(given: dict[str, str | None] | None) -> dict[str, str]:
    return {key: value for key, value in (given or {}).items() if value is not None}
