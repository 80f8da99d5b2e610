"""``/v1/invoiceitems``, which wait for an invoice, and ``/v1/invoice_payments``, which pay one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.billing import drafts
from zpack.simulate.stripe.billing.lines import part_of
from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import ApiError, invalid
from zpack.simulate.stripe.forms import (
    FLAG,
    METADATA,
    TEXT,
    WHOLE_NUMBER,
    Fields,
    Whole,
    merged,
    one_of,
)
from zpack.simulate.stripe.listing import matching, page
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.forms import Kind
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

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
        drafts.fill(invoice, [(part_of(world, item), item["id"])])
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


ROUTES = [
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
