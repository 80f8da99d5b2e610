"""Invoice lines: a period of a price, and the two halves of a proration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.billing.calendar import word
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World


@dataclass(frozen=True)
class Part:
    """An amount for a price during a period, before it is a line or an invoice item."""

    amount: int
    price: Body
    quantity: int
    start: int
    end: int
    description: str
    item: str
    subscription: str
    proration: bool = False


def amount_of(item: Body) -> int:
    """Return what one period of a subscription item costs."""
    return (item["price"]["unit_amount"] or 0) * item.get("quantity", 1)


def period_part(world: World, sub: Body, item: Body, *, free: bool = False) -> Part:
    """Return the charge for an item's current period."""
    price, quantity = item["price"], item.get("quantity", 1)
    name = world.store.get("product", price["product"])["name"]
    unit = f"{(price['unit_amount'] or 0) / 100:.2f} {price['currency']}"
    text = f"Trial period for {name}" if free else f"{quantity} x {name} (at {unit} / {_every(price)})"
    return Part(
        amount=0 if free else amount_of(item),
        price=price,
        quantity=quantity,
        start=item["current_period_start"],
        end=item["current_period_end"],
        description=text,
        item=item["id"],
        subscription=sub["id"],
    )


def proration_parts(world: World, sub: Body, old: Body, new: Body | None, at: int) -> list[Part]:
    """Return the credit for the rest of the old price and the charge for the rest of the new one."""
    start, end = old["current_period_start"], old["current_period_end"]
    share = max(0, end - at) / max(1, end - start)
    halves = [(old, -1, "Unused"), *([(new, 1, "Remaining")] if new else [])]
    parts: list[Part] = []
    for item, sign, what in halves:
        name = world.store.get("product", item["price"]["product"])["name"]
        parts.append(
            Part(
                amount=sign * round(amount_of(item) * share),
                price=item["price"],
                quantity=item.get("quantity", 1),
                start=at,
                end=end,
                description=f"{what} time on {name} after {word(at)}",
                item=item["id"],
                subscription=sub["id"],
                proration=True,
            )
        )
    return parts


def line(part: Part, invoice: str, *, invoice_item: str | None = None) -> Body:
    """Return a line of an invoice."""
    details: Body = {"proration": part.proration, "proration_details": {"credited_items": None}}
    details["subscription"] = part.subscription or None
    if invoice_item:
        parent = {
            "invoice_item_details": {**details, "invoice_item": invoice_item},
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }
    else:
        parent = {
            "invoice_item_details": None,
            "subscription_item_details": {**details, "invoice_item": None, "subscription_item": part.item},
            "type": "subscription_item_details",
        }
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": part.amount,
        "currency": part.price["currency"],
        "description": part.description,
        "discount_amounts": [],
        "discountable": not part.proration,
        "discounts": [],
        "invoice": invoice,
        "livemode": False,
        "metadata": {},
        "parent": parent,
        "period": {"start": part.start, "end": part.end},
        "pretax_credit_amounts": [],
        "pricing": pricing(part.price, part.amount, part.quantity),
        "quantity": part.quantity,
        "quantity_decimal": str(part.quantity),
        "subscription": part.subscription or None,
        "subtotal": part.amount,
        "taxes": [],
    }


def invoice_item(part: Part, sub: Body, at: int) -> Body:
    """Return a pending invoice item, which the next invoice of the subscription takes up."""
    return {
        "id": new_id("ii"),
        "object": "invoiceitem",
        "amount": part.amount,
        "currency": part.price["currency"],
        "customer": sub["customer"],
        "customer_account": None,
        "date": at,
        "description": part.description,
        "discountable": False,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "net_amount": part.amount,
        "parent": {
            "subscription_details": {"subscription": sub["id"], "subscription_item": part.item},
            "type": "subscription_details",
        },
        "period": {"start": part.start, "end": part.end},
        "pricing": pricing(part.price, part.amount, part.quantity),
        "proration": part.proration,
        "quantity": part.quantity,
        "quantity_decimal": str(part.quantity),
        "tax_rates": [],
        "test_clock": sub["test_clock"],
    }


def part_of(world: World, item: Body) -> Part:
    """Return a pending invoice item as a part of an invoice."""
    pricing_of = item["pricing"]
    known = world.store.find("price", pricing_of["price_details"]["price"]) if pricing_of else None
    details = (item["parent"] or {}).get("subscription_details") or {}
    return Part(
        amount=item["amount"],
        price=known or {"id": None, "product": None, "currency": item["currency"], "unit_amount": None},
        quantity=item["quantity"],
        start=item["period"]["start"],
        end=item["period"]["end"],
        description=item["description"] or "",
        item=details.get("subscription_item") or "",
        subscription=details.get("subscription") or "",
        proration=item["proration"],
    )


def pricing(price: Body, amount: int, quantity: int) -> Body | None:
    """Return how a line's amount follows from a price."""
    if price["id"] is None:
        return None
    unit: Any = amount // quantity if quantity else amount
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": str(unit),
    }


def _every(price: Body) -> str:
    recurring: Body = price["recurring"] or {"interval": "once", "interval_count": 1}
    count = recurring["interval_count"]
    return str(recurring["interval"]) if count == 1 else f"{count} {recurring['interval']}s"
