"""Faults and the operator's door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import stripe

if TYPE_CHECKING:
    import aiohttp

    from tests.simulate.stripe.conftest import Operator, Receiver
    from zpack.simulate.stripe.world import World

DAY = 86_400


async def test_a_lost_answer_was_acted_on_and_its_key_knows(
    client: stripe.StripeClient, world: World, operator: Operator
) -> None:
    await operator("POST", "faults", {"call": "POST /v1/customers", "do": "lost"})
    with pytest.raises(stripe.APIConnectionError):
        await client.v1.customers.create_async({"name": "a"}, {"idempotency_key": "k"})
    again = await client.v1.customers.create_async({"name": "a"}, {"idempotency_key": "k"})
    assert [row["id"] for row in world.store.all("customer")] == [again.id]


@pytest.mark.parametrize(("do", "made"), [("error", 0), ("error_after", 1)])
async def test_a_broken_call_acts_or_not(
    client: stripe.StripeClient, world: World, do: str, made: int
) -> None:
    world.faults.plan({"call": "POST /v1/customers", "do": do})
    with pytest.raises(stripe.APIError):
        await client.v1.customers.create_async({})
    assert len(list(world.store.all("customer"))) == made


async def test_too_many_calls_are_refused_as_often_as_said(client: stripe.StripeClient, world: World) -> None:
    world.faults.plan({"call": "* /v1/*", "do": "rate_limit", "times": 2})
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            await client.v1.customers.list_async()
    assert (await client.v1.customers.list_async()).data == []


async def test_a_customers_card_is_refused_until_it_is_not(
    client: stripe.StripeClient, prices: dict[str, str], operator: Operator
) -> None:
    customer = await client.v1.customers.create_async({"payment_method": "pm_card_visa"})
    [method] = (await client.v1.payment_methods.list_async({"customer": customer.id})).data
    wanted: dict[str, Any] = {
        "customer": customer.id,
        "items": [{"price": prices["starter"]}],
        "default_payment_method": method.id,
    }
    await operator("POST", "faults", [{"customer": customer.id, "decline": "lost_card"}])
    sub = await client.v1.subscriptions.create_async(wanted)
    assert sub.status == "incomplete"
    with pytest.raises(stripe.CardError) as refused:
        await client.v1.invoices.pay_async(sub.latest_invoice)
    assert refused.value.json_body["error"]["decline_code"] == "lost_card"
    assert await operator("DELETE", "faults") == {"faults": []}
    assert (await client.v1.invoices.pay_async(sub.latest_invoice)).status == "paid"


async def test_time_passes_for_everybody_without_a_clock(
    client: stripe.StripeClient, prices: dict[str, str], operator: Operator
) -> None:
    customer = await client.v1.customers.create_async({"payment_method": "pm_card_visa"})
    [method] = (await client.v1.payment_methods.list_async({"customer": customer.id})).data
    settings = {"invoice_settings": {"default_payment_method": method.id}}
    await client.v1.customers.update_async(customer.id, settings)
    items = [{"price": prices["starter"]}]
    sub = await client.v1.subscriptions.create_async({"customer": customer.id, "items": items})
    await operator("POST", "time", {"advance_seconds": 70 * DAY})
    invoices = await client.v1.invoices.list_async({"subscription": sub.id, "status": "paid"})
    assert len(invoices.data) == 3
    gaps = [a.created - b.created for a, b in zip(invoices.data, invoices.data[1:], strict=False)]
    assert all(27 * DAY < gap < 32 * DAY for gap in gaps)


async def test_a_late_payment_is_settled_by_the_operator(
    client: stripe.StripeClient,
    prices: dict[str, str],
    browser: aiohttp.ClientSession,
    operator: Operator,
    receiver: Receiver,
) -> None:
    session = await client.v1.checkout.sessions.create_async(
        {
            "mode": "subscription",
            "line_items": [{"price": prices["pro"], "quantity": 1}],
            "success_url": "http://127.0.0.1/",
        }
    )
    async with browser.post(f"{session.url}/complete", data={"late": "1"}, allow_redirects=False) as answer:
        assert answer.status == 303
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).payment_status == "unpaid"
    await operator("POST", f"checkout/{session.id}", {"outcome": "succeeded"})
    await receiver.until("checkout.session.async_payment_succeeded")


async def test_a_dispute_and_any_event_can_be_caused(
    client: stripe.StripeClient, operator: Operator, receiver: Receiver
) -> None:
    customer = await client.v1.customers.create_async({})
    pay = await client.v1.payment_intents.create_async(
        {"amount": 500, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    )
    await operator("POST", "disputes", {"charge": pay.latest_charge})
    await receiver.until("charge.dispute.created")
    await operator("POST", "events", {"type": "customer.deleted", "object": customer.id})
    await receiver.until("customer.deleted")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"call": "x", "do": "explode"}),
        ("faults", {"times": 1}),
        ("faults", {"delivery": "x", "do": "drop", "times": -1}),
        ("faults", {"faults": ["x"]}),
        ("time", {"advance_seconds": True}),
        ("settings", {"exhausted": "sue"}),
        ("settings", {"retry_days": [0]}),
        ("events", {"type": "x", "object": "y"}),
    ],
)
async def test_the_operators_mistakes_are_told(
    base: str, browser: aiohttp.ClientSession, path: str, body: Any
) -> None:
    headers = {"Authorization": "Bearer sk_test_rehearsal"}
    async with browser.post(f"{base}/_simulate/{path}", json=body, headers=headers) as answer:
        assert answer.status == 400
    async with browser.post(f"{base}/_simulate/{path}", json=body) as answer:
        assert answer.status == 401
