"""Charging a payment method: a payment intent, its charges, and what comes of an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing import disputes
from zpack.simulate.stripe.billing.cards import CARDS, DECLINED, MESSAGES
from zpack.simulate.stripe.errors import declined
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.errors import ApiError
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

PAID = "succeeded"
ASKS = "requires_action"
REFUSED = "declined"
NO_METHOD = "no_method"


@dataclass(frozen=True)
class Outcome:
    """What an attempt comes to, and why when the card is refused."""

    state: str
    reason: str = ""

    def error(self) -> ApiError:
        """Return the 402 of it."""
        if self.state == ASKS:
            return declined(
                "authentication_required", "Your card was declined. This transaction requires authentication."
            )
        return declined(self.reason, MESSAGES.get(self.reason, DECLINED))


def outcome(world: World, customer: str, method: Body | None, *, present: bool = False) -> Outcome:
    """Return what charging would come to; ``present`` when the customer is there and authenticates."""
    if method is None:
        return Outcome(NO_METHOD)
    refused = world.decline_of(customer)
    card = CARDS[world.store.peek(method["id"]).get("card", "visa")]
    if refused or card.charge or card.attach:
        return Outcome(REFUSED, refused or card.charge or card.attach or "")
    return Outcome(ASKS) if card.asks and not present else Outcome(PAID)


def method_for(world: World, customer: Body, *preferred: str | None) -> Body | None:
    """Return the payment method that a charge uses: the named ones first, then the customer's default."""
    wanted = (*preferred, customer["invoice_settings"]["default_payment_method"], customer["default_source"])
    for ident in wanted:
        found = world.store.find("payment_method", ident)
        if found and found["customer"] == customer["id"]:
            return found
    return None


def intent(
    world: World, *, amount: int, currency: str, customer: str | None, description: str | None, metadata: Body
) -> Body:
    """Keep and return a new payment intent."""
    ident = new_id("pi")
    body = {
        "id": ident,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": new_id(f"{ident}_secret"),
        "confirmation_method": "automatic",
        "created": world.now_of(customer),
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": description,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": metadata,
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    return world.add(body, "payment_intent.created")


def attempt(world: World, pay: Body, method: Body | None, result: Outcome) -> None:
    """Let a payment intent come to a result, with a charge when a card was reached, and tell of it."""
    kinds = {PAID: "payment_intent.succeeded", ASKS: "payment_intent.requires_action"}
    pay["payment_method"] = method["id"] if method and result.state != REFUSED else None
    pay["next_action"] = pay["last_payment_error"] = None
    if result.state == PAID:
        pay["status"] = "succeeded"
        pay["amount_received"] = pay["amount"]
        pay["latest_charge"] = charge(world, pay, method, result)["id"]
    elif result.state == ASKS:
        pay["status"] = "requires_action"
        pay["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    else:
        pay["status"] = "requires_payment_method"
        if result.state == REFUSED:
            made = charge(world, pay, method, result)
            pay["latest_charge"] = made["id"]
            pay["last_payment_error"] = {**result.error().body, "charge": made["id"]}
    world.store.put(pay)
    world.emit(kinds.get(result.state, "payment_intent.payment_failed"), pay)


def charge(world: World, pay: Body, method: Body | None, result: Outcome) -> Body:
    """Keep and tell of the charge of an attempt."""
    paid = result.state == PAID
    body = {
        "id": new_id("ch"),
        "object": "charge",
        "amount": pay["amount"],
        "amount_captured": pay["amount"] if paid else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"] if method else {},
        "calculated_statement_descriptor": "SIMULATED",
        "captured": paid,
        "created": world.now_of(pay["customer"]),
        "currency": pay["currency"],
        "customer": pay["customer"],
        "description": pay["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None if paid else "card_declined",
        "failure_message": None if paid else MESSAGES.get(result.reason, DECLINED),
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": None,
        "paid": paid,
        "payment_intent": pay["id"],
        "payment_method": method["id"] if method else None,
        "payment_method_details": None,
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded" if paid else "failed",
        "transfer_data": None,
        "transfer_group": None,
    }
    world.add(body, "charge.succeeded" if paid else "charge.failed")
    disputed = CARDS[world.store.peek(method["id"]).get("card", "visa")].disputed if method else None
    if paid and disputed:
        disputes.dispute(world, body, disputed)
    return body
