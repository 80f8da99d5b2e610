"""Drafts of invoices: empty ones, and how their lines sum up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing.lines import line
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zpack.simulate.stripe.billing.lines import Part
    from zpack.simulate.stripe.store import Body

EMPTY = ("application", "custom_fields", "customer_phone", "customer_shipping", "default_payment_method")
NO_TAX = ("disabled_reason", "liability", "provider", "status")
NONE = (
    *EMPTY,
    "account_tax_ids",
    "automatically_finalizes_at",
    "customer_account",
    "customer_address",
    "default_source",
    "description",
    "due_date",
    "effective_at",
    "ending_balance",
    "footer",
    "from_invoice",
    "hosted_invoice_url",
    "invoice_pdf",
    "last_finalization_error",
    "latest_revision",
    "next_payment_attempt",
    "number",
    "on_behalf_of",
    "receipt_number",
    "rendering",
    "shipping_cost",
    "shipping_details",
    "statement_descriptor",
    "webhooks_delivered_at",
)


def blank(customer: Body, *, currency: str, reason: str, at: int) -> Body:
    """Return an empty draft that is not kept yet."""
    ident = new_id("in")
    moments = ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
    return {
        "id": ident,
        "object": "invoice",
        **dict.fromkeys(NONE),
        "account_country": "US",
        "account_name": "Simulated",
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": {**dict.fromkeys(NO_TAX), "enabled": False},
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": at,
        "currency": currency,
        "customer": customer["id"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "lines": {"object": "list", "data": [], "has_more": False, "url": f"/v1/invoices/{ident}/lines"},
        "livemode": False,
        "metadata": {},
        "parent": None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": at,
        "period_start": at,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": customer["balance"],
        "status": "draft",
        "status_transitions": dict.fromkeys(moments),
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "test_clock": customer["test_clock"],
        "total": 0,
        "total_discount_amounts": [],
        "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }


def fill(invoice: Body, parts: Iterable[tuple[Part, str | None]]) -> Body:
    """Add lines to a draft and sum it up; a credit beyond the total goes to the customer's balance."""
    for part, item in parts:
        invoice["lines"]["data"].append(line(part, invoice["id"], invoice_item=item))
    total = sum(row["amount"] for row in invoice["lines"]["data"])
    for key in ("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"):
        invoice[key] = total
    due = max(0, total + invoice["starting_balance"]) if total > 0 else 0
    invoice["amount_due"] = invoice["amount_remaining"] = due
    return invoice
