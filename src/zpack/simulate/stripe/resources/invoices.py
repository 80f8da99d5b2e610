"""``/v1/invoices``, ``/v1/invoiceitems`` and ``/v1/invoice_payments``."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.billing import begin, cards, changes, charging, invoicing, lifecycle
from zpack.simulate.stripe.billing.lines import part_of, period_part
from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import ApiError, invalid
from zpack.simulate.stripe.forms import (
    FLAG,
    METADATA,
    MOMENT,
    TEXT,
    WHOLE_NUMBER,
    Fields,
    Many,
    Whole,
    merged,
    one_of,
)
from zpack.simulate.stripe.listing import matching, page
from zpack.simulate.stripe.resources.subscriptions import COLLECTION, ITEM, PRORATION
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.forms import Kind
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

CREATE: dict[str, Kind] = {
    "auto_advance": FLAG,
    "collection_method": COLLECTION,
    "currency": TEXT,
    "customer": TEXT,
    "days_until_due": Whole(least=0),
    "description": TEXT,
    "metadata": METADATA,
    "pending_invoice_items_behavior": one_of("exclude", "include"),
    "subscription": TEXT,
}
CREATE_ITEM: dict[str, Kind] = {
    "amount": WHOLE_NUMBER,
    "currency": TEXT,
    "customer": TEXT,
    "description": TEXT,
    "invoice": TEXT,
    "metadata": METADATA,
    "pricing": Fields({"price": TEXT}),
    "quantity": Whole(least=0),
    "subscription": TEXT,
}
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
STATUS = one_of("draft", "open", "paid", "uncollectible", "void")


def create(world: World, call: Call) -> Body:
    """Draft an invoice by hand."""
    given = call.given
    customer = world.store.get("customer", given.get("customer"), param="customer")
    currency = given.get("currency") or customer["currency"] or "usd"
    at = world.now_of(customer["id"])
    invoice = invoicing.blank(customer, currency=currency, reason="manual", at=at)
    invoice["auto_advance"] = given.get("auto_advance", False)
    invoice["collection_method"] = given.get("collection_method") or "charge_automatically"
    invoice["description"] = given.get("description")
    invoice["metadata"] = merged({}, given.get("metadata"))
    if given.get("pending_invoice_items_behavior") == "include":
        held = [
            item
            for item in world.store.all("invoiceitem")
            if item["customer"] == customer["id"] and item["invoice"] is None and item["parent"] is None
        ]
        invoicing.fill(invoice, [(part_of(world, item), item["id"]) for item in held])
    return invoicing.keep(world, invoice)


def finalize(world: World, call: Call) -> Body:
    """Open a draft."""
    invoice = world.store.get("invoice", call["invoice"])
    if "auto_advance" in call.given:
        invoice["auto_advance"] = call.given["auto_advance"]
    invoicing.finalize(world, invoice)
    if invoice["status"] == "paid":
        lifecycle.settled(world, invoice, charging.Outcome(charging.PAID))
    return invoice


def pay(world: World, call: Call) -> Body:
    """Pay an invoice. Raises ApiError when its card is refused."""
    invoice, given = world.store.get("invoice", call["invoice"]), call.given
    if invoice["status"] == "draft":
        invoicing.finalize(world, invoice)
    if invoice["status"] == "paid":
        raise ApiError(400, "Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in {"open", "uncollectible"}:
        raise ApiError(
            400, f"You cannot pay an invoice that is {invoice['status']}.", code="invoice_not_editable"
        )
    if given.get("paid_out_of_band"):
        invoicing.settle(world, invoice, out_of_band=True)
        lifecycle.settled(world, invoice, charging.Outcome(charging.PAID))
        return invoice
    method = None
    if given.get("payment_method"):
        method = cards.resolve(
            world, given["payment_method"], customer=invoice["customer"], param="payment_method"
        )
    result = lifecycle.pay(world, invoice, method=method)
    if result.state == charging.NO_METHOD:
        raise ApiError(400, begin.NO_METHOD, code="resource_missing")
    if result.state == charging.ASKS:
        raise ApiError(
            402,
            "This payment requires additional user action before it can be completed successfully.",
            kind="card_error",
            code="invoice_payment_intent_requires_action",
        )
    if result.state != charging.PAID:
        raise result.error()
    return invoice


def void(world: World, call: Call) -> Body:
    """Void an open invoice."""
    return invoicing.void(world, world.store.get("invoice", call["invoice"]))


def uncollectible(world: World, call: Call) -> Body:
    """Give up an open invoice."""
    return invoicing.void(world, world.store.get("invoice", call["invoice"]), "uncollectible")


def update(world: World, call: Call) -> Body:
    """Change an invoice's settings."""
    invoice, given = world.store.get("invoice", call["invoice"]), call.given
    with world.changing(invoice, "invoice.updated"):
        for name in ("auto_advance", "description"):
            if name in given:
                invoice[name] = given[name]
        if "metadata" in given:
            invoice["metadata"] = merged(invoice["metadata"], given["metadata"])
    return invoice


def delete(world: World, call: Call) -> Body:
    """Delete a draft made by hand."""
    invoice = world.store.get("invoice", call["invoice"])
    if invoice["status"] != "draft" or invoicing.subscription_of(invoice):
        raise ApiError(400, "You can only delete draft invoices that were made by hand.")
    world.store.drop("invoice", invoice["id"])
    world.emit("invoice.deleted", invoice)
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


def index(world: World, call: Call) -> Body:
    """List invoices."""
    wanted = call.given.get("subscription")
    rows = (
        row for row in world.store.all("invoice") if not wanted or invoicing.subscription_of(row) == wanted
    )
    return page(
        matching(rows, call.given, "collection_method", "customer", "status"), call.given, "/v1/invoices"
    )


def preview(world: World, call: Call) -> Body:
    """Return what the next invoice would say, or the one of a change; nothing is kept."""
    given = call.given
    if not given.get("subscription"):
        raise invalid("The simulation previews the invoices of a subscription.", param="subscription")
    sub = copy.deepcopy(world.store.get("subscription", given["subscription"], param="subscription"))
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


def lines(world: World, call: Call) -> Body:
    """List an invoice's lines."""
    invoice = world.store.get("invoice", call["invoice"])
    return page(invoice["lines"]["data"][::-1], call.given, f"/v1/invoices/{invoice['id']}/lines")


def create_item(world: World, call: Call) -> Body:
    """Keep an amount for a customer's next invoice, or put it on a draft."""
    given = call.given
    customer = world.store.get("customer", given.get("customer"), param="customer")
    price = _price(world, given)
    quantity = given.get("quantity") if given.get("quantity") is not None else 1
    amount = given.get("amount", price["unit_amount"] * quantity if price else 0)
    now = world.now_of(customer["id"])
    sub = given.get("subscription")
    item: Body = {
        "id": new_id("ii"),
        "object": "invoiceitem",
        "amount": amount,
        "currency": (given.get("currency") or (price["currency"] if price else "usd")).lower(),
        "customer": customer["id"],
        "customer_account": None,
        "date": now,
        "description": given.get("description"),
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": merged({}, given.get("metadata")),
        "net_amount": amount,
        "parent": {
            "subscription_details": {"subscription": sub},
            "type": "subscription_details",
        }
        if sub
        else None,
        "period": {"start": now, "end": now},
        "pricing": None
        if price is None
        else {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": str(price["unit_amount"]),
        },
        "proration": False,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "tax_rates": [],
        "test_clock": customer["test_clock"],
    }
    world.add(item, "invoiceitem.created")
    if given.get("invoice"):
        _put_on(world, item, given["invoice"])
    return item


def _price(world: World, given: dict[str, Any]) -> Body | None:
    wanted = (given.get("pricing") or {}).get("price")
    if wanted is None and "amount" not in given:
        raise invalid("Give `amount` or `pricing[price]`.", param="amount", code="parameter_missing")
    return world.store.get("price", wanted, param="pricing[price]") if wanted else None


def _put_on(world: World, item: Body, ident: str) -> None:
    invoice = world.store.get("invoice", ident, param="invoice")
    if invoice["status"] != "draft":
        raise ApiError(
            400, "This invoice is no longer editable", code="invoice_not_editable", param="invoice"
        )
    with world.changing(invoice, "invoice.updated"):
        invoicing.fill(invoice, [(part_of(world, item), item["id"])])
    item["invoice"] = invoice["id"]
    world.store.put(item)


def list_items(world: World, call: Call) -> Body:
    """List invoice items."""
    pending = call.given.get("pending")
    rows = [
        {**row, "created": row["date"]}
        for row in world.store.all("invoiceitem")
        if pending is None or (row["invoice"] is None) == pending
    ]
    found = matching(rows, call.given, "customer", "invoice")
    answer = page(found, call.given, "/v1/invoiceitems")
    for row in answer["data"]:
        del row["created"]
    return answer


def list_payments(world: World, call: Call) -> Body:
    """List the payments of invoices."""
    rows = matching(world.store.all("invoice_payment"), call.given, "invoice", "status")
    return page(rows, call.given, "/v1/invoice_payments")


INVOICE = "/v1/invoices/{invoice}"
ROUTES = [
    route("POST", "/v1/invoices/create_preview", preview, PREVIEW),
    route("POST", "/v1/invoices", create, CREATE),
    listed(
        "/v1/invoices",
        index,
        {"collection_method": COLLECTION, "customer": TEXT, "status": STATUS, "subscription": TEXT},
    ),
    route("GET", INVOICE, lambda world, call: world.store.get("invoice", call["invoice"])),
    route("POST", INVOICE, update, {"auto_advance": FLAG, "description": TEXT, "metadata": METADATA}),
    route("DELETE", INVOICE, delete),
    listed(f"{INVOICE}/lines", lines, created=False),
    route("POST", f"{INVOICE}/finalize", finalize, {"auto_advance": FLAG}),
    route(
        "POST",
        f"{INVOICE}/pay",
        pay,
        {"forgive": FLAG, "off_session": FLAG, "paid_out_of_band": FLAG, "payment_method": TEXT},
    ),
    route("POST", f"{INVOICE}/void", void),
    route("POST", f"{INVOICE}/mark_uncollectible", uncollectible),
    route("POST", "/v1/invoiceitems", create_item, CREATE_ITEM),
    listed("/v1/invoiceitems", list_items, {"customer": TEXT, "invoice": TEXT, "pending": FLAG}),
    route(
        "GET",
        "/v1/invoiceitems/{invoiceitem}",
        lambda world, call: world.store.get("invoiceitem", call["invoiceitem"]),
    ),
    listed(
        "/v1/invoice_payments", list_payments, {"invoice": TEXT, "status": one_of("canceled", "open", "paid")}
    ),
]
