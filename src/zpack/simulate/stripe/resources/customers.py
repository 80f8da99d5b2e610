"""``/v1/customers``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing import cards, invoicing, lifecycle, people
from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import invalid
from zpack.simulate.stripe.forms import METADATA, TEXT, WHOLE_NUMBER, Fields, Many, merged, one_of
from zpack.simulate.stripe.listing import matching, page

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.forms import Kind
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

ADDRESS = Fields(dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), TEXT))
CHANGES: dict[str, Kind] = {
    "address": ADDRESS,
    "balance": WHOLE_NUMBER,
    "description": TEXT,
    "email": TEXT,
    "invoice_settings": Fields({"default_payment_method": TEXT, "footer": TEXT}),
    "metadata": METADATA,
    "name": TEXT,
    "phone": TEXT,
    "preferred_locales": Many(TEXT),
    "shipping": Fields({"address": ADDRESS, "name": TEXT, "phone": TEXT}, required=("address", "name")),
    "source": TEXT,
    "tax_exempt": one_of("", "exempt", "none", "reverse"),
}
CREATE: dict[str, Kind] = {**CHANGES, "payment_method": TEXT, "test_clock": TEXT}
PLAIN = ("balance", "description", "email", "name", "phone", "preferred_locales", "tax_exempt")


def create(world: World, call: Call) -> Body:
    """Make a customer, with a card when one is named."""
    given = call.given
    if given.get("test_clock"):
        world.store.get("test_helpers.test_clock", given["test_clock"], param="test_clock")
    token = given.get("payment_method") or given.get("source")
    name = cards.name_of(token) if token else None
    if name and cards.CARDS[name].attach:
        raise cards.refusal(name)
    customer = people.make(world, _whole(given))
    if token:
        _give(world, customer, token, default=bool(given.get("source")))
    if "invoice_settings" in given:
        _settle(world, customer, given["invoice_settings"] or {})
    return customer


def retrieve(world: World, call: Call) -> Body:
    """Return a customer, or that it was deleted."""
    gone = world.store.find("_deleted", call["customer"])
    return gone or world.store.get("customer", call["customer"], param=None)


def update(world: World, call: Call) -> Body:
    """Change a customer."""
    customer, given = world.store.get("customer", call["customer"]), _whole(call.given)
    with world.changing(customer, "customer.updated"):
        for name in (*PLAIN, "address", "shipping"):
            if name in given:
                customer[name] = given[name]
        customer["balance"] = customer["balance"] or 0
        customer["preferred_locales"] = customer["preferred_locales"] or []
        if "metadata" in given:
            customer["metadata"] = merged(customer["metadata"], given["metadata"])
        if given.get("source"):
            _give(world, customer, given["source"], default=True)
        if "invoice_settings" in given:
            _settle(world, customer, given["invoice_settings"] or {})
    return customer


def delete(world: World, call: Call) -> Body:
    """Delete a customer and end its subscriptions."""
    customer = world.store.get("customer", call["customer"])
    return remove(world, customer)


def remove(world: World, customer: Body) -> Body:
    """End a customer's subscriptions and forget it."""
    for sub in world.store.all("subscription"):
        if sub["customer"] == customer["id"] and sub["status"] not in lifecycle.ENDED:
            lifecycle.end(world, sub, reason="cancellation_requested")
    for invoice in world.store.all("invoice"):
        if invoice["customer"] == customer["id"] and invoice["status"] in {"draft", "open"}:
            invoicing.give_up(world, invoice)
    world.emit("customer.deleted", customer)
    world.store.drop("customer", customer["id"])
    answer: Body = {"id": customer["id"], "object": "customer", "deleted": True}
    world.store.put(answer, kind="_deleted")
    return answer


def index(world: World, call: Call) -> Body:
    """List customers; those on a test clock only when it is named."""
    clock = call.given.get("test_clock")
    rows = (row for row in world.store.all("customer") if row["test_clock"] == clock)
    return page(matching(rows, call.given, "email"), call.given, "/v1/customers")


def _whole(given: Body) -> Body:
    found = dict(given)
    for name in ("address", "shipping"):
        if found.get(name):
            found[name] = (
                _address(found[name])
                if name == "address"
                else {
                    "name": found[name].get("name"),
                    "phone": found[name].get("phone"),
                    "address": _address(found[name]["address"]),
                }
            )
    return found


def _address(given: Body) -> Body:
    return {key: given.get(key) for key in ADDRESS.members}


def _give(world: World, customer: Body, token: str, *, default: bool) -> None:
    method = cards.resolve(world, token, customer=customer["id"], param="payment_method")
    cards.attach(world, method, customer)
    if default and customer["invoice_settings"]["default_payment_method"] is None:
        customer["invoice_settings"]["default_payment_method"] = method["id"]
        world.store.put(customer)


def _settle(world: World, customer: Body, given: Body) -> None:
    settings = customer["invoice_settings"]
    if "footer" in given:
        settings["footer"] = given["footer"]
    if "default_payment_method" not in given:
        return
    token = given["default_payment_method"]
    known = world.store.find("payment_method", token)
    if token and cards.name_of(token):
        known = next((m for m in world.store.all("payment_method") if m["customer"] == customer["id"]), None)
    if token and (known is None or known["customer"] != customer["id"]):
        raise invalid(
            f"No such PaymentMethod: '{token}'; it must be attached to the customer first.",
            param="invoice_settings[default_payment_method]",
            code="resource_missing",
        )
    settings["default_payment_method"] = known["id"] if known else None
    world.store.put(customer)


ROUTES = [
    route("POST", "/v1/customers", create, CREATE),
    listed("/v1/customers", index, {"email": TEXT, "test_clock": TEXT}),
    route("GET", "/v1/customers/{customer}", retrieve),
    route("POST", "/v1/customers/{customer}", update, CHANGES),
    route("DELETE", "/v1/customers/{customer}", delete),
]
