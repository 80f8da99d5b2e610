"""``/v1/checkout/sessions``: the page a customer pays on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.billing import checkouts
from zpack.simulate.stripe.billing.calendar import HOUR
from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import invalid
from zpack.simulate.stripe.forms import FLAG, METADATA, MOMENT, TEXT, Fields, Many, Whole, merged, one_of
from zpack.simulate.stripe.listing import matching, page
from zpack.simulate.stripe.resources import catalog
from zpack.simulate.stripe.resources.customers import ADDRESS
from zpack.simulate.stripe.resources.subscription_forms import END_BEHAVIOR
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.forms import Kind
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

SHIPPING = Fields(
    {
        "address": Fields(ADDRESS.members, required=("line1",)),
        "carrier": TEXT,
        "name": TEXT,
        "phone": TEXT,
        "tracking_number": TEXT,
    },
    required=("address", "name"),
)
PRODUCT_DATA = Fields({"description": TEXT, "metadata": METADATA, "name": TEXT}, required=("name",))
PRICE_DATA = Fields(
    {
        "currency": TEXT,
        "product": TEXT,
        "product_data": PRODUCT_DATA,
        "recurring": catalog.RECURRING,
        "tax_behavior": catalog.TAX,
        **catalog.AMOUNTS,
    },
    required=("currency",),
)
LINE = Fields({"price": TEXT, "price_data": PRICE_DATA, "quantity": Whole(least=1)})
SUBSCRIPTION_DATA = Fields(
    {
        "description": TEXT,
        "metadata": METADATA,
        "trial_end": MOMENT,
        "trial_period_days": Whole(least=1),
        "trial_settings": Fields({"end_behavior": END_BEHAVIOR}, required=("end_behavior",)),
    }
)
PAYMENT_DATA = Fields(
    {
        "description": TEXT,
        "metadata": METADATA,
        "receipt_email": TEXT,
        "setup_future_usage": one_of("off_session", "on_session"),
        "shipping": SHIPPING,
    }
)
LOCALE = one_of("auto", "de", "en", "es", "fr", "it", "nl", "pl", "pt")
CREATE: dict[str, Kind] = {
    "allow_promotion_codes": FLAG,
    "billing_address_collection": one_of("auto", "required"),
    "cancel_url": TEXT,
    "client_reference_id": TEXT,
    "customer": TEXT,
    "customer_creation": one_of("always", "if_required"),
    "customer_email": TEXT,
    "customer_update": Fields({"address": one_of("auto", "never"), "name": one_of("auto", "never")}),
    "expires_at": MOMENT,
    "line_items": Many(LINE),
    "locale": LOCALE,
    "metadata": METADATA,
    "mode": one_of("payment", "setup", "subscription"),
    "payment_intent_data": PAYMENT_DATA,
    "payment_method_collection": one_of("always", "if_required"),
    "payment_method_types": Many(one_of("card")),
    "subscription_data": SUBSCRIPTION_DATA,
    "success_url": TEXT,
    "ui_mode": one_of("hosted_page"),
}
SHORTEST, LONGEST = HOUR // 2, 24 * HOUR
REFERENCE_LIMIT = 200
NONE = (
    *("adaptive_pricing", "after_expiration", "collected_information", "consent", "consent_collection"),
    *("currency_conversion", "customer_account", "customer_details", "integration_identifier", "invoice"),
    *("invoice_creation", "locale", "managed_payments", "optional_items", "origin_context", "payment_intent"),
    *("payment_link", "payment_method_configuration_details", "permissions", "recovered_from"),
    *("saved_payment_method_options", "setup_intent", "shipping_address_collection", "shipping_cost"),
    *("submit_type", "subscription", "wallet_options", "client_secret"),
)


def create(world: World, call: Call) -> Body:
    """Make a session and its page."""
    given = call.given
    _check(world, given)
    lines, items = _lines(world, given)
    now = world.now_of(given.get("customer"))
    ident = new_id("cs_test", 58)
    total = sum(row["amount_total"] for row in lines)
    trial = (given.get("subscription_data") or {}).keys() & {"trial_end", "trial_period_days"}
    session: Body = {
        "id": ident,
        "object": "checkout.session",
        **dict.fromkeys(NONE),
        "allow_promotion_codes": given.get("allow_promotion_codes"),
        "amount_subtotal": 0 if trial else total,
        "amount_total": 0 if trial else total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": given.get("billing_address_collection"),
        "cancel_url": given.get("cancel_url"),
        "client_reference_id": given.get("client_reference_id"),
        "created": now,
        "currency": lines[0]["currency"] if lines else None,
        "custom_fields": [],
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "customer": given.get("customer"),
        "customer_creation": None if given.get("customer") else "always",
        "customer_email": given.get("customer_email"),
        "discounts": [],
        "expires_at": given.get("expires_at") or now + LONGEST,
        "livemode": False,
        "locale": given.get("locale"),
        "metadata": merged({}, given.get("metadata")),
        "mode": given["mode"],
        "payment_method_collection": given.get("payment_method_collection") or "always",
        "payment_method_options": {},
        "payment_method_types": given.get("payment_method_types") or ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "success_url": given["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": world.link(f"/c/pay/{ident}"),
    }
    note = world.store.note(ident)
    note["lines"] = lines
    note["payment"] = given.get("payment_intent_data") or {}
    note["subscription"] = {**(given.get("subscription_data") or {}), "items": items}
    return world.store.put(session)


def expire(world: World, call: Call) -> Body:
    """Expire an open session."""
    return checkouts.expire(world, world.store.get("checkout.session", call["session"]))


def line_items(world: World, call: Call) -> Body:
    """List what a session sells."""
    session = world.store.get("checkout.session", call["session"])
    rows = world.store.peek(session["id"])["lines"][::-1]
    return page(rows, call.given, f"/v1/checkout/sessions/{session['id']}/line_items")


def index(world: World, call: Call) -> Body:
    """List sessions."""
    names = ("customer", "payment_intent", "status", "subscription")
    rows = matching(world.store.all("checkout.session"), call.given, *names)
    return page(rows, call.given, "/v1/checkout/sessions")


def _check(world: World, given: dict[str, Any]) -> None:
    if given.get("customer") and given.get("customer_email"):
        raise invalid(
            "You may only specify one of these parameters: customer, customer_email.", param="customer"
        )
    if given.get("customer"):
        world.store.get("customer", given["customer"], param="customer")
    if len(given.get("client_reference_id") or "") > REFERENCE_LIMIT:
        raise invalid("Invalid string: must be at most 200 characters", param="client_reference_id")
    for name in ("success_url", "cancel_url"):
        if given.get(name) and not given[name].startswith(("http://", "https://")):
            raise invalid("Not a valid URL", param=name, code="url_invalid")
    now = world.now_of(given.get("customer"))
    expires = given.get("expires_at")
    if expires is not None and not SHORTEST - 1 <= expires - now <= LONGEST + 1:
        raise invalid("The expires_at must be between 30 minutes and 24 hours from now.", param="expires_at")
    if given["mode"] != "subscription" and given.get("subscription_data"):
        raise invalid("`subscription_data` needs `mode=subscription`.", param="subscription_data")


def _lines(world: World, given: dict[str, Any]) -> tuple[list[Body], list[Body]]:
    rows = given.get("line_items") or []
    if not rows and given["mode"] != "setup":
        raise invalid("Missing required param: line_items.", param="line_items", code="parameter_missing")
    prices = [_price(world, row, f"line_items[{number}]") for number, row in enumerate(rows)]
    if given["mode"] == "subscription" and not any(price["recurring"] for price in prices):
        raise invalid(
            "You must provide at least one recurring price in `subscription` mode.", param="line_items"
        )
    if given["mode"] == "payment" and any(price["recurring"] for price in prices):
        raise invalid("You specified `payment` mode but passed a recurring price.", param="mode")
    lines = [_line(world, row, price) for row, price in zip(rows, prices, strict=True)]
    items = [
        {"price": p["id"], "quantity": r.get("quantity") or 1} for r, p in zip(rows, prices, strict=True)
    ]
    return lines, items


def _price(world: World, row: dict[str, Any], param: str) -> Body:
    if row.get("price"):
        return world.store.get("price", row["price"], param=f"{param}[price]")
    data = row.get("price_data")
    if not data:
        raise invalid("Give `price` or `price_data`.", param=param, code="parameter_missing")
    data = dict(data)
    if data.get("product_data"):
        data["product"] = catalog.make_product(world, data["product_data"])["id"]
    return catalog.make_price(world, {"product": "", **data}, param=f"{param}[price_data][product]")


def _line(world: World, row: dict[str, Any], price: Body) -> Body:
    quantity = row.get("quantity") or 1
    amount = price["unit_amount"] * quantity
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": world.store.get("product", price["product"])["name"],
        "metadata": {},
        "price": price,
        "quantity": quantity,
    }


SESSION = "/v1/checkout/sessions/{session}"
ROUTES = [
    route("POST", "/v1/checkout/sessions", create, CREATE, required=("mode", "success_url")),
    listed(
        "/v1/checkout/sessions",
        index,
        {
            "customer": TEXT,
            "payment_intent": TEXT,
            "status": one_of("complete", "expired", "open"),
            "subscription": TEXT,
        },
    ),
    route("GET", SESSION, lambda world, call: world.store.get("checkout.session", call["session"])),
    listed(f"{SESSION}/line_items", line_items, created=False),
    route("POST", f"{SESSION}/expire", expire),
]
