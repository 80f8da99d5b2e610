"""A subscription's life, driven by Stripe's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulate.stripe.conftest import SECRET

if TYPE_CHECKING:
    import aiohttp
    import stripe

    from tests.simulate.stripe.conftest import Receiver


async def test_a_checkout_becomes_an_active_subscription(
    client: stripe.StripeClient, prices: dict[str, str], browser: aiohttp.ClientSession, receiver: Receiver
) -> None:
    session = await client.v1.checkout.sessions.create_async(
        {
            "mode": "subscription",
            "line_items": [{"price": prices["starter"], "quantity": 1}],
            "client_reference_id": "user-1",
            "success_url": "http://127.0.0.1/done?s={CHECKOUT_SESSION_ID}",
        }
    )
    async with browser.post(
        f"{session.url}/complete", data={"card": "pm_card_visa"}, allow_redirects=False
    ) as answer:
        assert answer.headers["Location"] == f"http://127.0.0.1/done?s={session.id}"
    done = await client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["subscription", "line_items"]}
    )
    assert (done.status, done.payment_status, done.subscription.status) == ("complete", "paid", "active")
    await receiver.until("checkout.session.completed")
    client.construct_event(*receiver.got[-1], SECRET)
