"""Thin events: the unversioned word that an object changed, beside the snapshot that tells how."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zpack.simulate.stripe.store import Body

PREFIX = "evt_test_"
PATHS = {
    "billing_portal.configuration": "billing_portal/configurations",
    "billing_portal.session": "billing_portal/sessions",
    "checkout.session": "checkout/sessions",
    "test_helpers.test_clock": "test_helpers/test_clocks",
}


def thin(event: Body) -> Body:
    """Return the thin twin of a snapshot event; its id follows from the snapshot's."""
    body = event["data"]["object"]
    request = event["request"]
    found: Body = {
        "id": thin_id(event["id"]),
        "object": "v2.core.event",
        "created": stamp(event["created"]),
        "livemode": False,
        "related_object": {
            "id": body["id"],
            "type": body["object"],
            "url": f"/v1/{PATHS.get(body['object'], body['object'] + 's')}/{body['id']}",
        },
        "snapshot_event": event["id"],
        "type": f"v1.{event['type']}",
    }
    if request["id"]:
        cause = {"id": request["id"], "idempotency_key": request["idempotency_key"] or ""}
        found["reason"] = {"type": "request", "request": cause}
    return found


def thin_id(snapshot: str) -> str:
    """Return the id of a snapshot event's thin twin."""
    return PREFIX + snapshot.removeprefix("evt_")


def snapshot_id(ident: str) -> str:
    """Return the id of a thin event's snapshot twin."""
    return "evt_" + ident.removeprefix(PREFIX)


def stamp(moment: int) -> str:
    """Return a moment as the second API writes it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
