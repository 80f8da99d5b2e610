"""``/v1/products`` and ``/v1/prices``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import invalid
from zpack.simulate.stripe.forms import (
    FLAG,
    METADATA,
    TEXT,
    Fields,
    Many,
    Whole,
    merged,
    one_of,
)
from zpack.simulate.stripe.listing import matching, page
from zpack.simulate.stripe.store import new_id

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.forms import Kind
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

INTERVAL = one_of("day", "month", "week", "year")
RECURRING = Fields({"interval": INTERVAL, "interval_count": Whole(least=1)}, required=("interval",))
TAX = one_of("exclusive", "inclusive", "unspecified")
AMOUNTS: dict[str, Kind] = {"unit_amount": Whole(least=0), "unit_amount_decimal": TEXT}
DEFAULT_PRICE = Fields(
    {"currency": TEXT, "recurring": RECURRING, "tax_behavior": TAX, **AMOUNTS}, required=("currency",)
)
PRODUCT: dict[str, Kind] = {
    "active": FLAG,
    "description": TEXT,
    "images": Many(TEXT),
    "metadata": METADATA,
    "name": TEXT,
    "statement_descriptor": TEXT,
    "tax_code": TEXT,
    "unit_label": TEXT,
    "url": TEXT,
}
PRICE: dict[str, Kind] = {
    "active": FLAG,
    "lookup_key": TEXT,
    "metadata": METADATA,
    "nickname": TEXT,
    "tax_behavior": TAX,
    "transfer_lookup_key": FLAG,
}
PRODUCT_DATA = Fields(
    {"active": FLAG, "id": TEXT, "metadata": METADATA, "name": TEXT, "unit_label": TEXT}, required=("name",)
)
PRICE_CREATE: dict[str, Kind] = {
    **PRICE,
    **AMOUNTS,
    "billing_scheme": one_of("per_unit"),
    "currency": TEXT,
    "product": TEXT,
    "product_data": PRODUCT_DATA,
    "recurring": RECURRING | {"usage_type": one_of("licensed")},
}
PRODUCT_PLAIN = (
    "active",
    "description",
    "images",
    "name",
    "statement_descriptor",
    "tax_code",
    "unit_label",
    "url",
)


def create_product(world: World, call: Call) -> Body:
    """Make a product, with its price when one is described."""
    product = make_product(world, call.given)
    wanted = call.given.get("default_price_data")
    if wanted:
        price = make_price(world, {**wanted, "product": product["id"]})
        product["default_price"] = price["id"]
        world.store.put(product)
    return product


def make_product(world: World, given: dict[str, Any]) -> Body:
    """Keep and return a new product. Raises ApiError."""
    ident = given.get("id") or new_id("prod", 14)
    if world.store.find("product", ident):
        raise invalid(f"Product already exists: {ident}", param="id", code="resource_already_exists")
    now = world.wall()
    body: Body = {
        "id": ident,
        "object": "product",
        "active": given.get("active", True),
        "created": now,
        "default_price": None,
        "description": given.get("description"),
        "images": given.get("images") or [],
        "livemode": False,
        "marketing_features": [],
        "metadata": merged({}, given.get("metadata")),
        "name": given["name"],
        "package_dimensions": None,
        "shippable": given.get("shippable"),
        "statement_descriptor": given.get("statement_descriptor"),
        "tax_code": given.get("tax_code"),
        "unit_label": given.get("unit_label"),
        "updated": now,
        "url": given.get("url"),
    }
    return world.add(body, "product.created")


def update_product(world: World, call: Call) -> Body:
    """Change a product."""
    product, given = world.store.get("product", call["id"]), call.given
    if "name" in given and given["name"] is None:
        raise invalid("You passed an empty string for 'name'.", param="name", code="parameter_invalid_empty")
    with world.changing(product, "product.updated"):
        for name in PRODUCT_PLAIN:
            if name in given:
                product[name] = given[name] if name != "images" else given[name] or []
        if "metadata" in given:
            product["metadata"] = merged(product["metadata"], given["metadata"])
        if given.get("default_price"):
            product["default_price"] = world.store.get(
                "price", given["default_price"], param="default_price"
            )["id"]
        product["updated"] = world.wall()
    return product


def delete_product(world: World, call: Call) -> Body:
    """Delete a product without prices. Raises ApiError."""
    product = world.store.get("product", call["id"])
    if any(price["product"] == product["id"] for price in world.store.all("price")):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    world.store.drop("product", product["id"])
    world.emit("product.deleted", product)
    return {"id": product["id"], "object": "product", "deleted": True}


def create_price(world: World, call: Call) -> Body:
    """Make a price, with its product when one is described."""
    given = dict(call.given)
    if bool(given.get("product")) == bool(given.get("product_data")):
        raise invalid("You must supply exactly one of `product` and `product_data`.", param="product")
    if given.get("product_data"):
        _amount(given)
        given["product"] = make_product(world, given["product_data"])["id"]
    return make_price(world, given)


def make_price(world: World, given: dict[str, Any], param: str = "product") -> Body:
    """Keep and return a new price. Raises ApiError."""
    amount = _amount(given)
    product = world.store.get("product", given["product"], param=param)
    recurring = given.get("recurring")
    key = given.get("lookup_key")
    holder = next((row for row in world.store.all("price") if key and row["lookup_key"] == key), None)
    if holder and not given.get("transfer_lookup_key"):
        raise invalid(f"A price (`{holder['id']}`) already uses that lookup key.", param="lookup_key")
    if holder:
        holder["lookup_key"] = None
        world.store.put(holder)
    body: Body = {
        "id": new_id("price"),
        "object": "price",
        "active": given.get("active", True),
        "billing_scheme": "per_unit",
        "created": world.wall(),
        "currency": given["currency"].lower(),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": key,
        "metadata": merged({}, given.get("metadata")),
        "nickname": given.get("nickname"),
        "product": product["id"],
        "recurring": {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count") or 1,
            "meter": None,
            "usage_type": "licensed",
        }
        if recurring
        else None,
        "tax_behavior": given.get("tax_behavior") or "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    return world.add(body, "price.created")


def update_price(world: World, call: Call) -> Body:
    """Change what may change of a price; its amount never does."""
    price, given = world.store.get("price", call["price"]), call.given
    with world.changing(price, "price.updated"):
        for name in ("active", "lookup_key", "nickname", "tax_behavior"):
            if name in given:
                price[name] = given[name]
        if "metadata" in given:
            price["metadata"] = merged(price["metadata"], given["metadata"])
    return price


def list_prices(world: World, call: Call) -> Body:
    """List prices."""
    given = call.given
    keys = given.get("lookup_keys")
    kind = (given.get("recurring") or {}).get("interval")
    rows = (
        row
        for row in world.store.all("price")
        if (not keys or row["lookup_key"] in keys)
        and (not kind or (row["recurring"] or {}).get("interval") == kind)
    )
    return page(matching(rows, given, "active", "currency", "product", "type"), given, "/v1/prices")


def list_products(world: World, call: Call) -> Body:
    """List products."""
    ids = call.given.get("ids")
    rows = (row for row in world.store.all("product") if not ids or row["id"] in ids)
    return page(matching(rows, call.given, "active", "url"), call.given, "/v1/products")


def _amount(given: dict[str, Any]) -> int:
    amount, decimal = given.get("unit_amount"), given.get("unit_amount_decimal")
    if amount is not None:
        return amount
    if decimal is None or not decimal.isdigit():
        raise invalid(
            "Prices need a `unit_amount`; the simulation knows whole ones only.", param="unit_amount"
        )
    return int(decimal)


ROUTES = [
    route(
        "POST",
        "/v1/products",
        create_product,
        {**PRODUCT, "id": TEXT, "shippable": FLAG, "default_price_data": DEFAULT_PRICE},
        required=("name",),
    ),
    listed("/v1/products", list_products, {"active": FLAG, "ids": Many(TEXT), "url": TEXT}),
    route("GET", "/v1/products/{id}", lambda world, call: world.store.get("product", call["id"])),
    route("POST", "/v1/products/{id}", update_product, {**PRODUCT, "default_price": TEXT}),
    route("DELETE", "/v1/products/{id}", delete_product),
    route("POST", "/v1/prices", create_price, PRICE_CREATE, required=("currency",)),
    listed(
        "/v1/prices",
        list_prices,
        {
            "active": FLAG,
            "currency": TEXT,
            "lookup_keys": Many(TEXT),
            "product": TEXT,
            "recurring": Fields({"interval": INTERVAL}),
            "type": one_of("one_time", "recurring"),
        },
    ),
    route("GET", "/v1/prices/{price}", lambda world, call: world.store.get("price", call["price"])),
    route("POST", "/v1/prices/{price}", update_price, PRICE),
]
