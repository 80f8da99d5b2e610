"""``/v1/invoices``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing import begin, cards, charging, drafts, invoicing, lifecycle
from zpack.simulate.stripe.billing.calendar import HOUR
from zpack.simulate.stripe.billing.lines import part_of
from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import ApiError
from zpack.simulate.stripe.forms import (
    FLAG,
    METADATA,
    TEXT,
    Whole,
    merged,
    one_of,
)
from zpack.simulate.stripe.listing import matching, page
from zpack.simulate.stripe.resources.subscription_forms import COLLECTION

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
STATUS = one_of("draft", "open", "paid", "uncollectible", "void")


def create(world: World, call: Call) -> Body:
    """Draft an invoice by hand."""
    given = call.given
    customer = world.store.get("customer", given.get("customer"), param="customer")
    currency = given.get("currency") or customer["currency"] or "usd"
    at = world.now_of(customer["id"])
    invoice = drafts.blank(customer, currency=currency, reason="manual", at=at)
    invoice["auto_advance"] = given.get("auto_advance", False)
    invoice["automatically_finalizes_at"] = at + HOUR if invoice["auto_advance"] else None
    invoice["collection_method"] = given.get("collection_method") or "charge_automatically"
    invoice["description"] = given.get("description")
    invoice["metadata"] = merged({}, given.get("metadata"))
    if given.get("pending_invoice_items_behavior") == "include":
        held = [
            item
            for item in world.store.all("invoiceitem")
            if item["customer"] == customer["id"] and item["invoice"] is None and item["parent"] is None
        ]
        drafts.fill(invoice, [(part_of(world, item), item["id"]) for item in held])
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
        if invoice["status"] == "draft" and "auto_advance" in given:
            at = world.now(invoice["test_clock"]) + HOUR if given["auto_advance"] else None
            invoice["automatically_finalizes_at"] = at
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


def lines(world: World, call: Call) -> Body:
    """List an invoice's lines."""
    invoice = world.store.get("invoice", call["invoice"])
    return page(invoice["lines"]["data"][::-1], call.given, f"/v1/invoices/{invoice['id']}/lines")


INVOICE = "/v1/invoices/{invoice}"
ROUTES = [
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
]
