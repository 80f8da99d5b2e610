"""Payment intents, charges, refunds and disputes, as far as invoices and events need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.billing import cards, charging, lifecycle
from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import ApiError, invalid
from zpack.simulate.stripe.forms import FLAG, METADATA, TEXT, Many, Whole, merged, one_of
from zpack.simulate.stripe.listing import matching, page
from zpack.simulate.stripe.resources.checkout import SHIPPING
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.forms import Kind
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

CREATE: dict[str, Kind] = {
    "amount": Whole(least=1),
    "confirm": FLAG,
    "currency": TEXT,
    "customer": TEXT,
    "description": TEXT,
    "metadata": METADATA,
    "off_session": FLAG,
    "payment_method": TEXT,
    "payment_method_types": Many(TEXT),
    "return_url": TEXT,
    "shipping": SHIPPING,
}
REASON = one_of("duplicate", "fraudulent", "requested_by_customer")


def create(world: World, call: Call) -> Body:
    """Make a payment intent, and confirm it when asked to."""
    given = call.given
    pay = charging.intent(
        world,
        amount=given["amount"],
        currency=given["currency"].lower(),
        customer=given.get("customer"),
        description=given.get("description"),
        metadata=merged({}, given.get("metadata")),
    )
    if given.get("shipping"):
        pay["shipping"] = {**dict.fromkeys(SHIPPING.members), **given["shipping"]}
    return _confirmed(world, pay, given) if given.get("confirm") else pay


def confirm(world: World, call: Call) -> Body:
    """Confirm a payment intent; one of an invoice pays the invoice."""
    return _confirmed(world, world.store.get("payment_intent", call["intent"]), call.given)


def cancel(world: World, call: Call) -> Body:
    """Cancel a payment intent."""
    pay = world.store.get("payment_intent", call["intent"])
    if pay["status"] in {"succeeded", "canceled"}:
        raise ApiError(
            400,
            f"You cannot cancel this PaymentIntent: it is {pay['status']}.",
            code="payment_intent_unexpected_state",
        )
    with world.changing(pay, "payment_intent.canceled"):
        pay["status"], pay["canceled_at"] = "canceled", world.now_of(pay["customer"])
    return pay


def refund(world: World, call: Call) -> Body:
    """Give a charge's money back, all or a part."""
    given = call.given
    pay = world.store.find("payment_intent", given.get("payment_intent"))
    charge = world.store.get(
        "charge", given.get("charge") or (pay or {}).get("latest_charge"), param="charge"
    )
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = given.get("amount") or left
    if left <= 0:
        raise ApiError(
            400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount ({left}).", param="amount")
    body: Body = {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now_of(charge["customer"]),
        "currency": charge["currency"],
        "metadata": merged({}, given.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "reason": given.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    world.add(body, "refund.created")
    with world.changing(charge, "charge.refunded"):
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    return body


def _confirmed(world: World, pay: Body, given: dict[str, Any]) -> Body:
    if pay["status"] in {"succeeded", "canceled"}:
        raise ApiError(
            400,
            f"You cannot confirm this PaymentIntent: it is {pay['status']}.",
            code="payment_intent_unexpected_state",
        )
    token = given.get("payment_method")
    method = cards.resolve(world, token, customer=pay["customer"], param="payment_method") if token else None
    invoice = world.store.find("invoice", world.store.peek(pay["id"]).get("invoice"))
    if invoice:
        result = lifecycle.pay(world, invoice, method=method)
    else:
        customer = world.store.find("customer", pay["customer"])
        method = method or (charging.method_for(world, customer) if customer else None)
        result = charging.outcome(world, pay["customer"] or "", method)
        charging.attempt(world, pay, method, result)
    if result.state == charging.NO_METHOD:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            param="payment_method",
        )
    if result.state == charging.REFUSED:
        raise result.error()
    return pay


def _listing(kind: str, url: str, *names: str) -> Any:
    def index(world: World, call: Call) -> Body:
        return page(matching(world.store.all(kind), call.given, *names), call.given, url)

    return index


ROUTES = [
    route("POST", "/v1/payment_intents", create, CREATE, required=("amount", "currency")),
    listed(
        "/v1/payment_intents",
        _listing("payment_intent", "/v1/payment_intents", "customer"),
        {"customer": TEXT},
    ),
    route(
        "GET",
        "/v1/payment_intents/{intent}",
        lambda world, call: world.store.get("payment_intent", call["intent"]),
    ),
    route(
        "POST",
        "/v1/payment_intents/{intent}/confirm",
        confirm,
        {"off_session": FLAG, "payment_method": TEXT, "return_url": TEXT},
    ),
    route("POST", "/v1/payment_intents/{intent}/cancel", cancel),
    listed(
        "/v1/charges",
        _listing("charge", "/v1/charges", "customer", "payment_intent"),
        {"customer": TEXT, "payment_intent": TEXT},
    ),
    route("GET", "/v1/charges/{charge}", lambda world, call: world.store.get("charge", call["charge"])),
    route(
        "POST",
        "/v1/refunds",
        refund,
        {
            "amount": Whole(least=1),
            "charge": TEXT,
            "metadata": METADATA,
            "payment_intent": TEXT,
            "reason": REASON,
        },
    ),
    listed(
        "/v1/refunds",
        _listing("refund", "/v1/refunds", "charge", "payment_intent"),
        {"charge": TEXT, "payment_intent": TEXT},
    ),
    route("GET", "/v1/refunds/{refund}", lambda world, call: world.store.get("refund", call["refund"])),
    listed(
        "/v1/disputes",
        _listing("dispute", "/v1/disputes", "charge", "payment_intent"),
        {"charge": TEXT, "payment_intent": TEXT},
    ),
    route("GET", "/v1/disputes/{dispute}", lambda world, call: world.store.get("dispute", call["dispute"])),
]
