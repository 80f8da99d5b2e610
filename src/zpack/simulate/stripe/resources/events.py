"""``/v1/events``, ``/v2/core/events``, and where events are delivered: webhook endpoints and destinations."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.calls import listed, route
from zpack.simulate.stripe.errors import invalid, missing
from zpack.simulate.stripe.forms import FLAG, METADATA, TEXT, Fields, Many, Whole, merged, one_of
from zpack.simulate.stripe.listing import matching, page
from zpack.simulate.stripe.store import new_id
from zpack.simulate.stripe.thin import snapshot_id, stamp, thin

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.forms import Kind
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

ENDPOINT = "webhook_endpoint"
DESTINATION = "v2.core.event_destination"
SETTINGS: dict[str, Kind] = {
    "description": TEXT,
    "enabled_events": Many(TEXT, most=1000),
    "metadata": METADATA,
    "url": TEXT,
}


def index(world: World, call: Call) -> Body:
    """List events, by type and by whether all endpoints have them."""
    given = call.given
    wanted = set(given.get("types") or []) | ({given["type"]} if given.get("type") else set())
    delivered = given.get("delivery_success")
    rows = (
        event
        for event in world.store.all("event")
        if (not wanted or any(_fits(event["type"], pattern) for pattern in wanted))
        and (delivered is None or (event["pending_webhooks"] == 0) == delivered)
    )
    return page(matching(rows, given), given, "/v1/events")


def retrieve_thin(world: World, call: Call) -> Body:
    """Return the thin twin of an event."""
    event = world.store.find("event", snapshot_id(call["id"]))
    if event is None:
        raise missing("event", call["id"])
    return thin(event)


def list_thin(world: World, call: Call) -> Body:
    """List thin events, newest first."""
    rows = page(world.store.all("event"), {"limit": call.given.get("limit", 20)}, "/v2/core/events")
    return {"data": [thin(event) for event in rows["data"]], "next_page_url": None, "previous_page_url": None}


def create_endpoint(world: World, call: Call) -> Body:
    """Make a webhook endpoint; its secret is told only now."""
    body = add_endpoint(world, call.given["url"], call.given["enabled_events"] or ["*"])
    body["description"] = call.given.get("description")
    body["metadata"] = merged({}, call.given.get("metadata"))
    body["api_version"] = call.given.get("api_version")
    return {**body, "secret": world.store.peek(body["id"])["secrets"][0]}


def add_endpoint(world: World, url: str, enabled: list[str], secret: str | None = None) -> Body:
    """Keep a webhook endpoint with its secret. Raises ApiError."""
    _check_url(url)
    body: Body = {
        "id": new_id("we"),
        "object": ENDPOINT,
        "api_version": None,
        "application": None,
        "created": world.wall(),
        "description": None,
        "enabled_events": enabled,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }
    world.store.note(body["id"])["secrets"] = [secret or f"whsec_{secrets.token_hex(24)}"]
    return world.store.put(body)


def update_endpoint(world: World, call: Call) -> Body:
    """Change a webhook endpoint."""
    body, given = world.store.get(ENDPOINT, call["id"]), call.given
    if given.get("url"):
        _check_url(given["url"])
    for name in ("description", "enabled_events", "url"):
        if given.get(name):
            body[name] = given[name]
    if "disabled" in given:
        body["status"] = "disabled" if given["disabled"] else "enabled"
    if "metadata" in given:
        body["metadata"] = merged(body["metadata"], given["metadata"])
    return world.store.put(body)


def delete_endpoint(world: World, call: Call) -> Body:
    """Forget a webhook endpoint and what it has not got yet."""
    body = world.store.get(ENDPOINT, call["id"])
    world.store.drop(ENDPOINT, body["id"])
    return {"id": body["id"], "object": ENDPOINT, "deleted": True}


def list_endpoints(world: World, call: Call) -> Body:
    """List webhook endpoints."""
    return page(world.store.all(ENDPOINT), call.given, "/v1/webhook_endpoints")


def create_destination(world: World, call: Call) -> Body:
    """Make an event destination of the second API, which may ask for thin events."""
    given = call.given
    url = (given.get("webhook_endpoint") or {}).get("url")
    if not url:
        raise invalid("Give `webhook_endpoint.url`.", param="webhook_endpoint", code="parameter_missing")
    body = add_destination(
        world, url, given["enabled_events"] or [], payload=given["event_payload"], name=given["name"]
    )
    wanted = given.get("include") or []
    if "webhook_endpoint.signing_secret" in wanted:
        secret = world.store.peek(body["id"])["secrets"][0]
        return {**body, "webhook_endpoint": {"signing_secret": secret, "url": url}}
    return body


def add_destination(
    world: World, url: str, enabled: list[str], *, payload: str, name: str, secret: str | None = None
) -> Body:
    """Keep an event destination with its secret. Raises ApiError."""
    _check_url(url)
    now = stamp(world.wall())
    body: Body = {
        "id": new_id("ed_test"),
        "object": DESTINATION,
        "created": now,
        "description": "",
        "enabled_events": enabled,
        "event_payload": payload,
        "events_from": ["@self"],
        "livemode": False,
        "metadata": {},
        "name": name,
        "status": "enabled",
        "type": "webhook_endpoint",
        "updated": now,
        "webhook_endpoint": {"url": url},
    }
    if payload == "snapshot":
        body["snapshot_api_version"] = world.settings.api_version
    world.store.note(body["id"])["secrets"] = [secret or f"whsec_{secrets.token_hex(24)}"]
    return world.store.put(body)


def delete_destination(world: World, call: Call) -> Body:
    """Forget an event destination."""
    body = world.store.get(DESTINATION, call["id"])
    world.store.drop(DESTINATION, body["id"])
    return {"id": body["id"], "object": DESTINATION, "deleted": True}


def list_destinations(world: World, call: Call) -> Body:
    """List event destinations."""
    del call
    rows = list(world.store.all(DESTINATION))
    return {"data": rows, "next_page_url": None, "previous_page_url": None}


def _check_url(url: Any) -> None:
    if not str(url).startswith(("http://", "https://")):
        raise invalid(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            param="url",
            code="url_invalid",
        )


def _fits(kind: str, pattern: str | None) -> bool:
    pattern = pattern or ""
    return kind.startswith(pattern.removesuffix("*")) if pattern.endswith("*") else kind == pattern


ROUTES = [
    listed("/v1/events", index, {"delivery_success": FLAG, "type": TEXT, "types": Many(TEXT)}),
    route("GET", "/v1/events/{id}", lambda world, call: world.store.get("event", call["id"])),
    route("GET", "/v2/core/events", list_thin, {"limit": Whole(least=1)}),
    route("GET", "/v2/core/events/{id}", retrieve_thin),
    route(
        "POST",
        "/v1/webhook_endpoints",
        create_endpoint,
        {**SETTINGS, "api_version": TEXT},
        required=("enabled_events", "url"),
    ),
    listed("/v1/webhook_endpoints", list_endpoints, created=False),
    route("GET", "/v1/webhook_endpoints/{id}", lambda world, call: world.store.get(ENDPOINT, call["id"])),
    route("POST", "/v1/webhook_endpoints/{id}", update_endpoint, {**SETTINGS, "disabled": FLAG}),
    route("DELETE", "/v1/webhook_endpoints/{id}", delete_endpoint),
    route(
        "POST",
        "/v2/core/event_destinations",
        create_destination,
        {
            "description": TEXT,
            "enabled_events": Many(TEXT, most=1000),
            "event_payload": one_of("snapshot", "thin"),
            "include": Many(TEXT),
            "name": TEXT,
            "type": one_of("webhook_endpoint"),
            "webhook_endpoint": Fields({"url": TEXT}, required=("url",)),
        },
        required=("enabled_events", "event_payload", "name", "type"),
    ),
    route("GET", "/v2/core/event_destinations", list_destinations),
    route(
        "GET",
        "/v2/core/event_destinations/{id}",
        lambda world, call: world.store.get(DESTINATION, call["id"]),
    ),
    route("DELETE", "/v2/core/event_destinations/{id}", delete_destination),
]
