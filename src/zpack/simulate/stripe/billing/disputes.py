"""Disputes: a customer's bank takes a charge back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing.calendar import DAY
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

EVIDENCE = ("cancellation_policy", "uncategorized_text")


def dispute(world: World, charge: Body, reason: str = "fraudulent") -> Body:
    """Let a customer's bank take a charge back."""
    now = world.now_of(charge["customer"])
    body: Body = {
        "id": new_id("du"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + 14 * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "needs_response",
    }
    with world.changing(charge, "charge.updated"):
        charge["disputed"] = True
    return world.add(body, "charge.dispute.created")
