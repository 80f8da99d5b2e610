"""Webhooks as Stripe's own library and a careless network see them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
import stripe

from tests.simulate.stripe import spec
from tests.simulate.stripe.conftest import SECRET
from tests.support.waiting import eventually
from zpack.simulate.stripe.signature import signature

if TYPE_CHECKING:
    from tests.simulate.stripe.conftest import Operator, Receiver
    from zpack.simulate.stripe.world import World


async def test_the_signature_is_stripes(client: stripe.StripeClient, receiver: Receiver) -> None:
    await client.v1.customers.create_async({})
    await receiver.until("customer.created")
    body, header = receiver.got[0]
    assert client.construct_event(body, header, SECRET).type == "customer.created"
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(body.replace(b"customer.created", b"customer.deleted"), header, SECRET)
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(body, header, "whsec_other")


async def test_an_old_signature_is_refused(client: stripe.StripeClient) -> None:
    body = b'{"object": "event"}'
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        client.construct_event(body, signature(body, [SECRET], int(time.time()) - 600), SECRET)


async def test_a_rolled_secret_signs_beside_the_new_one(
    client: stripe.StripeClient, receiver: Receiver, world: World, operator: Operator
) -> None:
    [endpoint] = world.store.all("webhook_endpoint")
    rolled = {"secret": "whsec_new", "keep": True}
    assert await operator("POST", f"secrets/{endpoint['id']}", rolled) == {"signatures": 2}
    await client.v1.customers.create_async({})
    await receiver.until("customer.created")
    for secret in (SECRET, "whsec_new"):
        client.construct_event(*receiver.got[0], secret)


async def test_a_delivery_is_tried_again_until_it_is_taken(
    client: stripe.StripeClient, receiver: Receiver, world: World
) -> None:
    receiver.status = 500
    await client.v1.customers.create_async({})
    await receiver.until("customer.created", 2)
    failed = await client.v1.events.list_async({"delivery_success": False, "types": ["customer.created"]})
    assert [event.pending_webhooks for event in failed.data] == [1]
    receiver.status = 204
    await eventually(lambda: all(event["pending_webhooks"] == 0 for event in world.store.all("event")))
    assert (await client.v1.events.list_async({"delivery_success": False})).data == []


async def test_a_delivery_that_always_fails_is_given_up(
    client: stripe.StripeClient, receiver: Receiver, world: World, operator: Operator
) -> None:
    receiver.status = 500
    await client.v1.customers.create_async({})
    await eventually(lambda: [row["state"] for row in world.store.all("_delivery")] == ["failed"])
    assert len(receiver.got) == 3
    receiver.status = 200
    assert await operator("POST", "deliver") == {"released": 1}
    await receiver.until("customer.created", 4)


async def test_an_event_is_duplicated(client: stripe.StripeClient, receiver: Receiver, world: World) -> None:
    world.faults.plan({"delivery": "customer.*", "do": "duplicate"})
    await client.v1.customers.create_async({})
    first, second = await receiver.until("customer.created", 2)
    assert first["id"] == second["id"]


async def test_an_event_is_dropped_but_stays_on_the_list(
    client: stripe.StripeClient, receiver: Receiver, world: World
) -> None:
    world.faults.plan({"delivery": "customer.created", "do": "drop"})
    made = await client.v1.customers.create_async({})
    await client.v1.customers.update_async(made.id, {"name": "b"})
    await receiver.until("customer.updated")
    assert "customer.created" not in receiver.types
    missed = await client.v1.events.list_async({"delivery_success": False})
    assert [event.type for event in missed.data] == ["customer.created"]


@pytest.mark.parametrize("do", ["hold", "shuffle"])
async def test_events_are_held_and_released(
    client: stripe.StripeClient, receiver: Receiver, world: World, operator: Operator, do: str
) -> None:
    world.faults.plan({"delivery": "customer.*", "do": do, "times": 20})
    made = [(await client.v1.customers.create_async({"name": str(n)})).id for n in range(20)]
    assert (await operator("GET", "deliveries"))["pending"] == 20
    assert receiver.got == []
    assert await operator("POST", "deliver") == {"released": 20}
    got = [event["data"]["object"]["id"] for event in await receiver.until("customer.created", 20)]
    assert sorted(got) == sorted(made)
    assert (got == made) == (do == "hold")


async def test_an_event_is_sent_again_when_asked(
    client: stripe.StripeClient, receiver: Receiver, operator: Operator
) -> None:
    await client.v1.customers.create_async({})
    [event] = await receiver.until("customer.created")
    await operator("POST", "deliver", {"events": [event["id"]]})
    await receiver.until("customer.created", 2)


async def test_an_endpoint_gets_what_it_asked_for(client: stripe.StripeClient, receiver: Receiver) -> None:
    made = await client.v1.webhook_endpoints.create_async(
        {"url": receiver.url, "enabled_events": ["price.created"]}
    )
    assert made.secret.startswith("whsec_")
    assert (await client.v1.webhook_endpoints.list_async()).data[0].id == made.id
    product = await client.v1.products.create_async({"name": "P"})
    await client.v1.prices.create_async({"product": product.id, "currency": "usd", "unit_amount": 5})
    await receiver.until("price.created", 2)
    assert receiver.types.count("product.created") == 1
    assert (await client.v1.webhook_endpoints.delete_async(made.id)).deleted


@pytest.mark.parametrize("payload", ["thin"])
async def test_a_thin_event_leads_to_its_object(client: stripe.StripeClient, receiver: Receiver) -> None:
    made = await client.v1.customers.create_async({"name": "a"})
    await receiver.until("v1.customer.created")
    notice = client.parse_event_notification(*receiver.got[0], SECRET)
    assert (notice.type, notice.related_object.id) == ("v1.customer.created", made.id)
    twin = json.loads(receiver.got[0][0])["snapshot_event"]
    assert (await client.v1.events.retrieve_async(twin)).type == "customer.created"
    event = await client.v2.core.events.retrieve_async(notice.id)
    fetched = event.last_response.data
    assert fetched.pop("snapshot_event") == twin
    assert spec.complaints(fetched) == []


async def test_an_event_destination_asks_for_thin_events(
    client: stripe.StripeClient, receiver: Receiver
) -> None:
    made = await client.v2.core.event_destinations.create_async(
        {
            "name": "thin",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v1.customer.created"],
            "webhook_endpoint": {"url": receiver.url},
            "include": ["webhook_endpoint.signing_secret"],
        }
    )
    await client.v1.customers.create_async({})
    await receiver.until("v1.customer.created")
    body, header = next(pair for pair in receiver.got if b"v2.core.event" in pair[0])
    assert client.parse_event_notification(body, header, made.webhook_endpoint.signing_secret)
