"""``/v1/payment_methods`` and, as far as a card on file needs them, ``/v1/setup_intents``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing import cards
from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import ApiError, invalid
from zpack.simulate.stripe.forms import FLAG, METADATA, TEXT, WHOLE_NUMBER, Fields, Many, merged, one_of
from zpack.simulate.stripe.listing import matching, page
from zpack.simulate.stripe.resources.customers import ADDRESS
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.forms import Kind
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

CARD = Fields(
    {"number": TEXT, "exp_month": WHOLE_NUMBER, "exp_year": WHOLE_NUMBER, "cvc": TEXT, "token": TEXT}
)
BILLING = Fields({"address": ADDRESS, "email": TEXT, "name": TEXT, "phone": TEXT})
USAGE = one_of("off_session", "on_session")
SETUP: dict[str, Kind] = {
    "automatic_payment_methods": Fields(
        {"enabled": FLAG, "allow_redirects": one_of("always", "never")}, required=("enabled",)
    ),
    "confirm": FLAG,
    "customer": TEXT,
    "description": TEXT,
    "metadata": METADATA,
    "payment_method": TEXT,
    "payment_method_types": Many(one_of("card", "link")),
    "return_url": TEXT,
    "usage": USAGE,
}


def create(world: World, call: Call) -> Body:
    """Make a payment method of a test card's number or token."""
    given = call.given
    card = given.get("card") or {}
    name = cards.name_of(card.get("token") or card.get("number") or "")
    if name is None:
        raise invalid("Give one of Stripe's test cards: `card[token]` or `card[number]`.", param="card")
    method = cards.make(world, name)
    _detail(method, given)
    method["metadata"] = merged({}, given.get("metadata"))
    return world.store.put(method)


def retrieve(world: World, call: Call) -> Body:
    """Return a payment method; a test token makes one."""
    return cards.resolve(world, call["payment_method"], customer=None, param="payment_method")


def update(world: World, call: Call) -> Body:
    """Change a payment method's details."""
    method = world.store.get("payment_method", call["payment_method"])
    with world.changing(method, "payment_method.updated"):
        _detail(method, call.given)
        if "metadata" in call.given:
            method["metadata"] = merged(method["metadata"], call.given["metadata"])
    return method


def attach(world: World, call: Call) -> Body:
    """Give a payment method, or a test token's, to a customer. Raises ApiError when the card is refused."""
    customer = world.store.get("customer", call.given["customer"], param="customer")
    name = cards.name_of(call["payment_method"])
    if name and cards.CARDS[name].attach:
        raise cards.refusal(name)
    method = cards.resolve(world, call["payment_method"], customer=customer["id"], param="payment_method")
    if method["customer"] not in {None, customer["id"]}:
        raise ApiError(400, "The payment method you provided has already been attached to a customer.")
    return cards.attach(world, method, customer)


def detach(world: World, call: Call) -> Body:
    """Take a payment method from its customer."""
    method = world.store.get("payment_method", call["payment_method"])
    customer = world.store.find("customer", method["customer"])
    if customer is None:
        raise ApiError(
            400, "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    before = {"customer": method["customer"]}
    method["customer"] = None
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
        world.store.put(customer)
    for sub in world.store.all("subscription"):
        if sub["default_payment_method"] == method["id"]:
            sub["default_payment_method"] = None
            world.store.put(sub)
    world.store.put(method)
    world.emit("payment_method.detached", method, before)
    return method


def index(world: World, call: Call) -> Body:
    """List the payment methods of a customer."""
    rows = (row for row in world.store.all("payment_method") if row["customer"])
    return page(matching(rows, call.given, "customer", "type"), call.given, "/v1/payment_methods")


def of_customer(world: World, call: Call) -> Body:
    """List the payment methods of the customer in the path."""
    customer = world.store.get("customer", call["customer"])
    rows = (row for row in world.store.all("payment_method") if row["customer"] == customer["id"])
    return page(
        matching(rows, call.given, "type"), call.given, f"/v1/customers/{customer['id']}/payment_methods"
    )


def create_setup(world: World, call: Call) -> Body:
    """Make a setup intent, and confirm it when asked to."""
    given = call.given
    if given.get("customer"):
        world.store.get("customer", given["customer"], param="customer")
    ident = new_id("seti")
    intent: Body = {
        "id": ident,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": new_id(f"{ident}_secret"),
        "created": world.now_of(given.get("customer")),
        "customer": given.get("customer"),
        "customer_account": None,
        "description": given.get("description"),
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": merged({}, given.get("metadata")),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {},
        "payment_method_types": given.get("payment_method_types") or ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": given.get("usage") or "off_session",
    }
    world.add(intent, "setup_intent.created")
    return _confirmed(world, intent, given.get("payment_method") or "") if given.get("confirm") else intent


def confirm_setup(world: World, call: Call) -> Body:
    """Confirm a setup intent with a payment method."""
    intent = world.store.get("setup_intent", call["intent"])
    token = call.given.get("payment_method") or intent["payment_method"] or ""
    return _confirmed(world, intent, token)


def _detail(method: Body, given: Body) -> None:
    details = dict(given.get("billing_details") or {})
    if "address" in details:
        details["address"] = {**dict.fromkeys(ADDRESS.members), **(details["address"] or {})}
    method["billing_details"].update(details)


def _confirmed(world: World, intent: Body, token: str) -> Body:
    name = cards.name_of(token)
    if name and cards.CARDS[name].attach:
        raise cards.refusal(name)
    method = cards.resolve(world, token, customer=intent["customer"], param="payment_method")
    customer = world.store.find("customer", intent["customer"])
    if customer:
        cards.attach(world, method, customer)
    intent["payment_method"], intent["status"] = method["id"], "succeeded"
    world.store.put(intent)
    world.emit("setup_intent.succeeded", intent)
    return intent


ROUTES = [
    route(
        "POST",
        "/v1/payment_methods",
        create,
        {"type": one_of("card"), "card": CARD, "billing_details": BILLING, "metadata": METADATA},
        required=("type",),
    ),
    listed("/v1/payment_methods", index, {"customer": TEXT, "type": TEXT}, created=False),
    listed("/v1/customers/{customer}/payment_methods", of_customer, {"type": TEXT}, created=False),
    route("GET", "/v1/payment_methods/{payment_method}", retrieve),
    route(
        "POST",
        "/v1/payment_methods/{payment_method}",
        update,
        {"billing_details": BILLING, "metadata": METADATA},
    ),
    route(
        "POST",
        "/v1/payment_methods/{payment_method}/attach",
        attach,
        {"customer": TEXT},
        required=("customer",),
    ),
    route("POST", "/v1/payment_methods/{payment_method}/detach", detach),
    route("POST", "/v1/setup_intents", create_setup, SETUP),
    route(
        "GET",
        "/v1/setup_intents/{intent}",
        lambda world, call: world.store.get("setup_intent", call["intent"]),
    ),
    route(
        "POST",
        "/v1/setup_intents/{intent}/confirm",
        confirm_setup,
        {"payment_method": TEXT, "return_url": TEXT},
    ),
]
