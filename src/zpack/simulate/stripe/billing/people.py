"""Customers as the rest of billing makes and reads them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World


def make(world: World, given: dict[str, Any]) -> Body:
    """Keep and return a new customer."""
    clock = given.get("test_clock")
    body: Body = {
        "id": new_id("cus", 14),
        "object": "customer",
        "address": given.get("address"),
        "balance": given.get("balance") or 0,
        "created": world.now(clock),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": given.get("description"),
        "discount": None,
        "email": given.get("email"),
        "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {key: value for key, value in (given.get("metadata") or {}).items() if value is not None},
        "name": given.get("name"),
        "next_invoice_sequence": 1,
        "phone": given.get("phone"),
        "preferred_locales": given.get("preferred_locales") or [],
        "shipping": given.get("shipping"),
        "tax_exempt": given.get("tax_exempt") or "none",
        "test_clock": clock,
    }
    return world.add(body, "customer.created")


def details(customer: Body) -> Body:
    """Return what a checkout session tells of its customer."""
    return {
        "address": customer["address"],
        "business_name": None,
        "email": customer["email"],
        "individual_name": None,
        "name": customer["name"],
        "phone": customer["phone"],
        "tax_exempt": "none",
        "tax_ids": [],
    }
