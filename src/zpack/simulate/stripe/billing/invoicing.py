"""Invoices: drafted from parts, finalized with a payment intent, paid, retried, given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing import charging, drafts
from zpack.simulate.stripe.billing.calendar import DAY
from zpack.simulate.stripe.billing.lines import part_of
from zpack.simulate.stripe.errors import ApiError
from zpack.simulate.stripe.store import copied, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zpack.simulate.stripe.billing.lines import Part
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

MINIMUM = 50


def of_subscription(
    world: World, sub: Body, *, reason: str, at: int, parts: Iterable[Part], pending: bool = True
) -> Body:
    """Return a draft for a subscription that is not kept yet; ``pending`` takes up its pending items."""
    customer = world.store.get("customer", sub["customer"])
    invoice = drafts.blank(customer, currency=sub["currency"], reason=reason, at=at)
    invoice["collection_method"] = sub["collection_method"]
    invoice["default_payment_method"] = None
    invoice["parent"] = {
        "quote_details": None,
        "subscription_details": {"metadata": copied(sub["metadata"]), "subscription": sub["id"]},
        "type": "subscription_details",
    }
    held = pending_items(world, sub) if pending else []
    return drafts.fill(
        invoice, [*((part_of(world, item), item["id"]) for item in held), *((part, None) for part in parts)]
    )


def pending_items(world: World, sub: Body) -> list[Body]:
    """Return the invoice items that wait for the subscription's next invoice."""
    return [
        item
        for item in world.store.all("invoiceitem")
        if item["invoice"] is None
        and item["customer"] == sub["customer"]
        and subscription_of(item) in {None, sub["id"]}
    ]


def give_up(world: World, invoice: Body) -> None:
    """Do nothing more about an invoice by itself."""
    invoice["auto_advance"] = False
    invoice["next_payment_attempt"] = invoice["automatically_finalizes_at"] = None
    world.store.put(invoice)


def keep(world: World, invoice: Body) -> Body:
    """Keep a draft, mark the items it took up, and tell of it."""
    for row in invoice["lines"]["data"]:
        details = row["parent"]["invoice_item_details"]
        item = world.store.find("invoiceitem", details["invoice_item"]) if details else None
        if item:
            item["invoice"] = invoice["id"]
            world.store.put(item)
    return world.add(invoice, "invoice.created")


def finalize(world: World, invoice: Body) -> Body:
    """Open a draft: number, balance, payment intent, hosted page. Raises ApiError when it is no draft."""
    if invoice["status"] != "draft":
        raise ApiError(400, "This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    now = world.now(invoice["test_clock"])
    customer = world.store.get("customer", invoice["customer"])
    with world.changing(invoice, "invoice.finalized"):
        _number(invoice, customer)
        _settle_balance(world, invoice, customer)
        invoice["status"] = "open"
        invoice["status_transitions"]["finalized_at"] = invoice["effective_at"] = now
        invoice["automatically_finalizes_at"] = None
        invoice["hosted_invoice_url"] = world.link(f"/i/{invoice['id']}")
        invoice["invoice_pdf"] = world.link(f"/i/{invoice['id']}/pdf")
        if invoice["amount_due"]:
            _intend(world, invoice)
    if not invoice["amount_due"]:
        settle(world, invoice)
    return invoice


def collect(
    world: World, invoice: Body, *, present: bool = False, method: Body | None = None
) -> charging.Outcome:
    """Try to charge an open invoice and keep what came of it."""
    customer = world.store.get("customer", invoice["customer"])
    sub = world.store.find("subscription", subscription_of(invoice))
    preferred = sub["default_payment_method"] if sub else None
    method = method or charging.method_for(world, customer, invoice["default_payment_method"], preferred)
    result = charging.outcome(world, customer["id"], method, present=present)
    payment = payment_of(world, invoice)
    charging.attempt(
        world, world.store.get("payment_intent", payment["payment"]["payment_intent"]), method, result
    )
    invoice["attempt_count"] += 1
    invoice["attempted"] = True
    if result.state == charging.PAID:
        settle(world, invoice)
        return result
    _postpone(world, invoice)
    world.store.put(invoice)
    if result.state == charging.ASKS:
        world.emit("invoice.payment_action_required", invoice)
    world.emit("invoice.payment_failed", invoice)
    return result


def settle(world: World, invoice: Body, *, out_of_band: bool = False) -> None:
    """Mark an open invoice paid."""
    now = world.now(invoice["test_clock"])
    payment = payment_of(world, invoice)
    if payment["id"]:
        payment["status"], payment["amount_paid"] = "paid", invoice["amount_due"]
        payment["status_transitions"]["paid_at"] = now
        world.store.put(payment)
        world.emit("invoice_payment.paid", payment)
    with world.changing(invoice, "invoice.updated"):
        invoice["status"] = "paid"
        invoice["amount_paid"] = invoice["amount_due"]
        invoice["amount_remaining"] = 0
        invoice["attempted"] = True
        invoice["auto_advance"] = False
        invoice["next_payment_attempt"] = None
        invoice["status_transitions"]["paid_at"] = now
    world.emit("invoice.paid", invoice)
    if not out_of_band:
        world.emit("invoice.payment_succeeded", invoice)


def void(world: World, invoice: Body, status: str = "void") -> Body:
    """Void an open invoice, or mark it uncollectible. Raises ApiError."""
    if invoice["status"] not in {"open", "uncollectible"}:
        raise ApiError(
            400, f"You can only pass in open invoices. This invoice isn't open: it is {invoice['status']}."
        )
    event = {"void": "invoice.voided", "uncollectible": "invoice.marked_uncollectible"}[status]
    moment = {"void": "voided_at", "uncollectible": "marked_uncollectible_at"}[status]
    with world.changing(invoice, event):
        invoice["status"] = status
        invoice["auto_advance"] = False
        invoice["next_payment_attempt"] = None
        invoice["status_transitions"][moment] = world.now(invoice["test_clock"])
    pay = world.store.find(
        "payment_intent", (payment_of(world, invoice)["payment"] or {}).get("payment_intent")
    )
    if status == "void" and pay and pay["status"] != "succeeded":
        pay["status"], pay["canceled_at"] = "canceled", world.now(invoice["test_clock"])
        world.store.put(pay)
        world.emit("payment_intent.canceled", pay)
    return invoice


def subscription_of(invoice: Body) -> str | None:
    """Return the subscription an invoice, or an invoice item, is for."""
    details = (invoice["parent"] or {}).get("subscription_details")
    return details["subscription"] if details else None


def payment_of(world: World, invoice: Body) -> Body:
    """Return the invoice's payment; one without an id when nothing is to be paid."""
    found = world.store.find("invoice_payment", world.store.peek(invoice["id"]).get("payment"))
    return found or {"id": None, "payment": None}


def _intend(world: World, invoice: Body) -> None:
    pay = charging.intent(
        world,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=f"Payment for Invoice {invoice['number']}",
        metadata={},
    )
    body = {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": world.now(invoice["test_clock"]),
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": pay["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    world.store.note(invoice["id"])["payment"] = world.store.put(body)["id"]
    world.store.note(pay["id"])["invoice"] = invoice["id"]


def _number(invoice: Body, customer: Body) -> None:
    invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    customer["next_invoice_sequence"] += 1


def _settle_balance(world: World, invoice: Body, customer: Body) -> None:
    invoice["starting_balance"] = customer["balance"]
    total, balance = invoice["total"], customer["balance"]
    due = total + balance
    if 0 < due < MINIMUM:
        customer["balance"], due = due, 0
    elif total <= 0:
        customer["balance"], due = balance + total, 0
    else:
        customer["balance"], due = min(0, due), max(0, due)
    invoice["amount_due"] = invoice["amount_remaining"] = due
    invoice["ending_balance"] = customer["balance"]
    world.store.put(customer)
    if customer["balance"] != balance:
        world.emit("customer.updated", customer, {"balance": balance})


def _postpone(world: World, invoice: Body) -> None:
    days = world.settings.retry_days
    again = invoice["auto_advance"] and invoice["attempt_count"] <= len(days)
    wait = days[invoice["attempt_count"] - 1] * DAY if again else 0
    invoice["next_payment_attempt"] = world.now(invoice["test_clock"]) + int(wait) if again else None
