"""``/v1/billing_portal``: configurations, and sessions whose page lets a customer help himself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import invalid
from zpack.simulate.stripe.forms import FLAG, METADATA, TEXT, Fields, Many, Whole, merged, one_of
from zpack.simulate.stripe.listing import matching, page
from zpack.simulate.stripe.resources.subscription_forms import PRORATION
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.forms import Kind
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

KIND = "billing_portal.configuration"
ENABLED = Fields({"enabled": FLAG}, required=("enabled",))
REASONS = one_of(
    *("customer_service", "low_quality", "missing_features", "other"),
    *("switched_service", "too_complex", "too_expensive", "unused"),
)
UPDATES = one_of("address", "email", "name", "phone", "shipping", "tax_id")


def _feature_forms(*required: str) -> Fields:
    cancel: dict[str, Kind] = {
        "cancellation_reason": Fields(
            {"enabled": FLAG, "options": Many(REASONS)},
            required=("enabled", *(("options",) if required else ())),
        ),
        "enabled": FLAG,
        "mode": one_of("at_period_end", "immediately"),
        "proration_behavior": PRORATION,
    }
    products = Fields({"prices": Many(TEXT), "product": TEXT}, required=("prices", "product"))
    update: dict[str, Kind] = {
        "default_allowed_updates": Many(one_of("price", "promotion_code", "quantity")),
        "enabled": FLAG,
        "products": Many(products),
        "proration_behavior": PRORATION,
    }
    return Fields(
        {
            "customer_update": Fields({"allowed_updates": Many(UPDATES), "enabled": FLAG}, required),
            "invoice_history": ENABLED,
            "payment_method_update": ENABLED,
            "subscription_cancel": Fields(cancel, required),
            "subscription_update": Fields(update, required),
        }
    )


CONFIGURATION: dict[str, Kind] = {
    "business_profile": Fields({"headline": TEXT, "privacy_policy_url": TEXT, "terms_of_service_url": TEXT}),
    "default_return_url": TEXT,
    "features": _feature_forms("enabled"),
    "metadata": METADATA,
    "name": TEXT,
}
NAMED = Fields({"subscription": TEXT}, required=("subscription",))
FLOW_ITEM = Fields({"id": TEXT, "price": TEXT, "quantity": Whole(least=0)}, required=("id",))
FLOW = Fields(
    {
        "after_completion": Fields(
            {
                "hosted_confirmation": Fields({"custom_message": TEXT}),
                "redirect": Fields({"return_url": TEXT}, required=("return_url",)),
                "type": one_of("hosted_confirmation", "portal_homepage", "redirect"),
            },
            required=("type",),
        ),
        "subscription_cancel": NAMED,
        "subscription_update": NAMED,
        "subscription_update_confirm": Fields(
            {"items": Many(FLOW_ITEM), "subscription": TEXT}, required=("items", "subscription")
        ),
        "type": one_of(
            "payment_method_update",
            "subscription_cancel",
            "subscription_update",
            "subscription_update_confirm",
        ),
    },
    required=("type",),
)
LOCALE = one_of("auto", "de", "en", "es", "fr", "it", "nl", "pl", "pt")


def default(world: World) -> Body:
    """Return the default configuration, which a dashboard would have saved."""
    found = next((row for row in world.store.all(KIND) if row["is_default"]), None)
    if found:
        return found
    features: dict[str, Any] = {
        "subscription_cancel": {"enabled": True},
        "subscription_update": {"enabled": True, "default_allowed_updates": ["price"]},
        "payment_method_update": {"enabled": True},
        "invoice_history": {"enabled": True},
    }
    body = _configuration(world, {"features": features})
    body["is_default"] = True
    return world.store.put(body)


def create_configuration(world: World, call: Call) -> Body:
    """Make a configuration."""
    return world.add(_configuration(world, call.given), "billing_portal.configuration.created")


def update_configuration(world: World, call: Call) -> Body:
    """Change a configuration."""
    body, given = world.store.get(KIND, call["configuration"]), call.given
    with world.changing(body, "billing_portal.configuration.updated"):
        if given.get("features"):
            changed = {
                name: {**body["features"][name], **(row or {})} for name, row in given["features"].items()
            }
            body["features"] = _features({**body["features"], **changed})
        if "metadata" in given:
            body["metadata"] = merged(body["metadata"], given["metadata"])
        body["business_profile"].update(given.get("business_profile") or {})
        for name in ("active", "default_return_url", "name"):
            if name in given:
                body[name] = given[name]
        body["updated"] = world.wall()
    return body


def list_configurations(world: World, call: Call) -> Body:
    """List configurations."""
    default(world)
    rows = matching(world.store.all(KIND), call.given, "active", "is_default")
    return page(rows, call.given, "/v1/billing_portal/configurations")


def create_session(world: World, call: Call) -> Body:
    """Make a session: a page that its address alone opens."""
    given = call.given
    customer = world.store.get("customer", given["customer"], param="customer")
    configuration = given.get("configuration") or default(world)["id"]
    world.store.get(KIND, configuration, param="configuration")
    ident = new_id("bps")
    flow = given.get("flow_data")
    if flow:
        flow = _flow(world, customer, flow)
    session: Body = {
        "id": ident,
        "object": "billing_portal.session",
        "configuration": configuration,
        "created": world.now_of(customer["id"]),
        "customer": customer["id"],
        "customer_account": None,
        "flow": flow,
        "livemode": False,
        "locale": given.get("locale"),
        "on_behalf_of": None,
        "return_url": given.get("return_url"),
        "url": world.link(f"/p/session/test_{new_id('', 48)[1:]}"),
    }
    world.store.note(session["url"].rpartition("/")[2])["session"] = ident
    return world.add(session, "billing_portal.session.created")


def _configuration(world: World, given: dict[str, Any]) -> Body:
    now = world.wall()
    profile = given.get("business_profile") or {}
    return {
        "id": new_id("bpc"),
        "object": KIND,
        "active": True,
        "application": None,
        "business_profile": {
            name: profile.get(name) for name in ("headline", "privacy_policy_url", "terms_of_service_url")
        },
        "created": now,
        "default_return_url": given.get("default_return_url"),
        "features": _features(given["features"] or {}),
        "is_default": False,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": merged({}, given.get("metadata")),
        "name": given.get("name"),
        "updated": now,
    }


def _features(given: dict[str, Any]) -> Body:
    person = given.get("customer_update") or {}
    cancel = given.get("subscription_cancel") or {}
    update = given.get("subscription_update") or {}
    reason = cancel.get("cancellation_reason") or {}
    return {
        "customer_update": {
            "allowed_updates": person.get("allowed_updates") or [],
            "enabled": bool(person.get("enabled")),
        },
        "invoice_history": {"enabled": bool((given.get("invoice_history") or {}).get("enabled"))},
        "payment_method_update": {
            "enabled": bool((given.get("payment_method_update") or {}).get("enabled")),
            "payment_method_configuration": None,
        },
        "subscription_cancel": {
            "cancellation_reason": {
                "enabled": bool(reason.get("enabled")),
                "options": reason.get("options") or [],
            },
            "enabled": bool(cancel.get("enabled")),
            "mode": cancel.get("mode") or "at_period_end",
            "proration_behavior": cancel.get("proration_behavior") or "none",
        },
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": update.get("default_allowed_updates") or [],
            "enabled": bool(update.get("enabled")),
            "products": _products(update.get("products")),
            "proration_behavior": update.get("proration_behavior") or "none",
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }


def _products(given: list[Body] | None) -> list[Body] | None:
    if given is None:
        return None
    return [
        {
            "adjustable_quantity": {"enabled": False, "maximum": None, "minimum": 1},
            "prices": row["prices"],
            "product": row["product"],
        }
        for row in given
    ]


def _flow(world: World, customer: Body, given: dict[str, Any]) -> Body:
    kind = given["type"]
    named = given.get(kind) or {}
    if kind != "payment_method_update":
        sub = world.store.find("subscription", named.get("subscription"))
        if sub is None or sub["customer"] != customer["id"]:
            raise invalid(
                f"No such subscription: '{named.get('subscription')}'",
                param=f"flow_data[{kind}][subscription]",
                code="resource_missing",
            )
    after = given.get("after_completion") or {"type": "portal_homepage"}
    return {
        "after_completion": {
            "hosted_confirmation": after.get("hosted_confirmation"),
            "redirect": after.get("redirect"),
            "type": after["type"],
        },
        "subscription_cancel": {"retention": None, "subscription": named["subscription"]}
        if kind == "subscription_cancel"
        else None,
        "subscription_update": {"subscription": named["subscription"]}
        if kind == "subscription_update"
        else None,
        "subscription_update_confirm": {
            "discounts": None,
            "items": [
                {"id": row["id"], "price": row.get("price"), "quantity": row.get("quantity")}
                for row in named["items"]
            ],
            "subscription": named["subscription"],
        }
        if kind == "subscription_update_confirm"
        else None,
        "type": kind,
    }


CONFIGURATIONS = "/v1/billing_portal/configurations"
ROUTES = [
    route("POST", CONFIGURATIONS, create_configuration, CONFIGURATION, required=("features",)),
    listed(CONFIGURATIONS, list_configurations, {"active": FLAG, "is_default": FLAG}, created=False),
    route(
        "GET",
        f"{CONFIGURATIONS}/{{configuration}}",
        lambda world, call: world.store.get(KIND, call["configuration"]),
    ),
    route(
        "POST",
        f"{CONFIGURATIONS}/{{configuration}}",
        update_configuration,
        {**CONFIGURATION, "active": FLAG, "features": _feature_forms()},
    ),
    route(
        "POST",
        "/v1/billing_portal/sessions",
        create_session,
        {"configuration": TEXT, "customer": TEXT, "flow_data": FLOW, "locale": LOCALE, "return_url": TEXT},
        required=("customer",),
    ),
]
