"""Stripe's test cards: what each token and number does when it is attached or charged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.simulate.stripe.errors import declined
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.errors import ApiError
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

DECLINED = "Your card was declined."
MESSAGES = {
    "generic_decline": DECLINED,
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}


@dataclass(frozen=True)
class TestCard:
    """A card of Stripe's: refused at once, refused when charged, or asking for its owner."""

    __test__ = False

    brand: str = "visa"
    last4: str = "4242"
    attach: str | None = None
    charge: str | None = None
    asks: bool = False
    disputed: str | None = None


CARDS = {
    "visa": TestCard(),
    "mastercard": TestCard("mastercard", "4444"),
    "amex": TestCard("amex", "8431"),
    "discover": TestCard("discover", "9424"),
    "visa_debit": TestCard(last4="5556"),
    "chargeDeclined": TestCard(last4="0002", attach="generic_decline"),
    "visa_chargeDeclined": TestCard(last4="0002", attach="generic_decline"),
    "chargeDeclinedInsufficientFunds": TestCard(last4="9995", attach="insufficient_funds"),
    "visa_chargeDeclinedInsufficientFunds": TestCard(last4="9995", attach="insufficient_funds"),
    "chargeDeclinedExpiredCard": TestCard(last4="0069", attach="expired_card"),
    "chargeDeclinedIncorrectCvc": TestCard(last4="0127", attach="incorrect_cvc"),
    "chargeDeclinedProcessingError": TestCard(last4="0119", attach="processing_error"),
    "chargeCustomerFail": TestCard(last4="0341", charge="generic_decline"),
    "createDispute": TestCard(last4="0259", disputed="fraudulent"),
    "createDisputeProductNotReceived": TestCard(last4="2685", disputed="product_not_received"),
    "createDisputeInquiry": TestCard(last4="1976", disputed="fraudulent"),
    "authenticationRequired": TestCard(last4="3184", asks=True),
    "threeDSecure2Required": TestCard(last4="3220", asks=True),
    "threeDSecureRequired": TestCard(last4="3063", asks=True),
}
NUMBERS = {
    "4242424242424242": "visa",
    "5555555555554444": "mastercard",
    "4000056655665556": "visa_debit",
    "4000000000000002": "chargeDeclined",
    "4000000000009995": "chargeDeclinedInsufficientFunds",
    "4000000000000069": "chargeDeclinedExpiredCard",
    "4000000000000127": "chargeDeclinedIncorrectCvc",
    "4000000000000119": "chargeDeclinedProcessingError",
    "4000000000000341": "chargeCustomerFail",
    "4000002760003184": "authenticationRequired",
    "4000000000003220": "threeDSecure2Required",
}


def name_of(token: str) -> str | None:
    """Return the card that ``pm_card_…``, ``tok_…`` or a number means, or None."""
    for prefix in ("pm_card_", "tok_"):
        if token.startswith(prefix) and token.removeprefix(prefix) in CARDS:
            return token.removeprefix(prefix)
    return NUMBERS.get(token.replace(" ", ""))


def make(world: World, name: str, *, customer: str | None = None) -> Body:
    """Keep and return a payment method with a test card."""
    card = CARDS[name]
    body: Body = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "card": _face(card),
        "created": world.now_of(customer),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
    world.store.note(body["id"])["card"] = name
    return world.store.put(body)


def refusal(name: str) -> ApiError:
    """Return the 402 for a card that is refused as soon as it is shown."""
    reason = CARDS[name].attach or "generic_decline"
    return declined(reason, MESSAGES.get(reason, DECLINED))


def attach(world: World, method: Body, customer: Body) -> Body:
    """Give a payment method to a customer. Raises ApiError when the card is refused."""
    name = world.store.peek(method["id"]).get("card", "visa")
    if CARDS[name].attach:
        raise refusal(name)
    method["customer"] = customer["id"]
    world.store.put(method)
    world.emit("payment_method.attached", method)
    return method


def resolve(world: World, token: str, *, customer: str | None, param: str) -> Body:
    """Return the payment method of an id or a test token; a token makes a new one. Raises ApiError."""
    name = name_of(token)
    return (
        make(world, name, customer=customer)
        if name
        else world.store.get("payment_method", token, param=param)
    )


def _face(card: TestCard) -> Body:
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"fp{card.last4}",
        "funding": "credit",
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
