"""A subscription's life, driven by Stripe's own client on a test clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import stripe

if TYPE_CHECKING:
    import aiohttp

    from tests.simulate.stripe.conftest import Receiver
    from zpack.simulate.stripe.world import World

DAY = 86_400
MONTH = 31 * DAY


class Subscriber:
    """A customer on a test clock, with a card and perhaps a subscription."""

    def __init__(self, client: stripe.StripeClient, customer: str, clock: str, began: int) -> None:
        self.client = client
        self.customer = customer
        self.clock = clock
        self.at = began
        self.id = ""

    async def card(self, token: str) -> None:
        method = await self.client.v1.payment_methods.attach_async(token, {"customer": self.customer})
        settings = {"default_payment_method": method.id}
        await self.client.v1.customers.update_async(self.customer, {"invoice_settings": settings})

    async def subscribe(self, price: str, **more: Any) -> Any:
        sub = await self.client.v1.subscriptions.create_async(
            {"customer": self.customer, "items": [{"price": price}], "expand": ["latest_invoice"], **more}
        )
        self.id = sub.id
        return sub

    async def wait(self, seconds: int) -> Any:
        self.at += seconds
        await self.client.v1.test_helpers.test_clocks.advance_async(self.clock, {"frozen_time": self.at})
        return await self.now()

    async def now(self) -> Any:
        return await self.client.v1.subscriptions.retrieve_async(self.id, {"expand": ["latest_invoice"]})

    async def change(self, price: str, **more: Any) -> Any:
        items = [{"id": (await self.now())["items"].data[0].id, "price": price}]
        return await self.client.v1.subscriptions.update_async(self.id, {"items": items, **more})


def price_of(sub: Any) -> str:
    return sub["items"].data[0].price.id


@pytest.fixture
async def someone(client: stripe.StripeClient) -> Subscriber:
    began = int(time.time())
    clock = await client.v1.test_helpers.test_clocks.create_async({"frozen_time": began})
    customer = await client.v1.customers.create_async({"email": "a@example.org", "test_clock": clock.id})
    made = Subscriber(client, customer.id, clock.id, began)
    await made.card("pm_card_visa")
    return made


@pytest.fixture
async def session(client: stripe.StripeClient, prices: dict[str, str]) -> Any:
    return await client.v1.checkout.sessions.create_async(
        {
            "mode": "subscription",
            "line_items": [{"price": prices["starter"], "quantity": 1}],
            "client_reference_id": "user-1",
            "subscription_data": {"metadata": {"user": "user-1"}},
            "success_url": "http://127.0.0.1/done?s={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1/back",
        }
    )


async def test_a_checkout_becomes_an_active_subscription(
    client: stripe.StripeClient, session: Any, browser: aiohttp.ClientSession, receiver: Receiver
) -> None:
    async with browser.get(session.url) as page:
        assert "Pay" in await page.text()
    async with browser.post(f"{session.url}/complete", allow_redirects=False) as answer:
        assert answer.headers["Location"] == f"http://127.0.0.1/done?s={session.id}"
    done = await client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["subscription", "line_items"]}
    )
    assert (done.status, done.payment_status, done.subscription.status) == ("complete", "paid", "active")
    assert done.subscription.metadata["user"] == "user-1"
    [event] = await receiver.until("checkout.session.completed")
    assert event["data"]["object"]["client_reference_id"] == "user-1"


async def test_a_refused_card_leaves_the_checkout_open(
    client: stripe.StripeClient, session: Any, browser: aiohttp.ClientSession
) -> None:
    async with browser.post(f"{session.url}/complete", data={"card": "pm_card_chargeDeclined"}) as answer:
        assert answer.status == 402
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).status == "open"


async def test_a_checkout_asks_the_cards_owner(session: Any, browser: aiohttp.ClientSession) -> None:
    data = {"card": "pm_card_threeDSecure2Required"}
    async with browser.post(f"{session.url}/complete", data=data) as answer:
        assert answer.status == 402
    async with browser.post(
        f"{session.url}/complete", data=data | {"authenticated": "1"}, allow_redirects=False
    ) as answer:
        assert answer.status == 303


async def test_a_customer_may_go_back_from_the_checkout(session: Any, browser: aiohttp.ClientSession) -> None:
    async with browser.post(f"{session.url}/cancel", allow_redirects=False) as answer:
        assert answer.headers["Location"] == "http://127.0.0.1/back"


async def test_an_expired_checkout_cannot_be_paid(
    client: stripe.StripeClient, session: Any, browser: aiohttp.ClientSession, receiver: Receiver
) -> None:
    await client.v1.checkout.sessions.expire_async(session.id)
    async with browser.post(f"{session.url}/complete") as answer:
        assert answer.status == 400
    await receiver.until("checkout.session.expired")


async def test_a_renewal_is_drafted_then_paid_an_hour_later(
    someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.subscribe(prices["starter"])
    end = (await someone.now())["items"].data[0].current_period_end
    drafted = await someone.wait(end - someone.at)
    assert (drafted.latest_invoice.status, drafted.latest_invoice.billing_reason) == (
        "draft",
        "subscription_cycle",
    )
    paid = await someone.wait(3600)
    assert (paid.status, paid.latest_invoice.status, paid.latest_invoice.amount_paid) == (
        "active",
        "paid",
        500,
    )
    assert paid["items"].data[0].current_period_start == end


async def test_an_unpaid_renewal_is_retried_then_ends_the_subscription(
    someone: Subscriber, prices: dict[str, str], receiver: Receiver
) -> None:
    await someone.subscribe(prices["starter"])
    await someone.card("pm_card_chargeCustomerFail")
    late = await someone.wait(MONTH + 3600)
    assert (late.status, late.latest_invoice.attempt_count) == ("past_due", 1)
    assert (
        late.latest_invoice.next_payment_attempt
        == late.latest_invoice.status_transitions.finalized_at + 3 * DAY
    )
    ended = await someone.wait(15 * DAY)
    assert (ended.status, ended.latest_invoice.attempt_count) == ("canceled", 4)
    assert ended.cancellation_details.reason == "payment_failed"
    await receiver.until("customer.subscription.deleted")
    assert receiver.types.count("invoice.payment_failed") == 4


async def test_a_new_card_ends_the_dunning(someone: Subscriber, prices: dict[str, str]) -> None:
    await someone.subscribe(prices["starter"])
    await someone.card("pm_card_chargeCustomerFail")
    await someone.wait(MONTH + 3600)
    await someone.card("pm_card_visa")
    assert (await someone.wait(4 * DAY)).status == "active"


@pytest.mark.parametrize("exhausted", ["unpaid", "past_due"])
async def test_the_account_says_what_follows_the_last_retry(
    someone: Subscriber, prices: dict[str, str], world: World, exhausted: str
) -> None:
    world.settings.exhausted = exhausted
    await someone.subscribe(prices["starter"])
    await someone.card("pm_card_chargeCustomerFail")
    assert (await someone.wait(MONTH + 16 * DAY)).status == exhausted


async def test_the_hosted_invoice_can_be_paid(
    someone: Subscriber, prices: dict[str, str], browser: aiohttp.ClientSession
) -> None:
    await someone.subscribe(prices["starter"])
    await someone.card("pm_card_chargeCustomerFail")
    late = await someone.wait(MONTH + 3600)
    async with browser.post(
        f"{late.latest_invoice.hosted_invoice_url}/pay", data={"card": "pm_card_visa"}
    ) as answer:
        assert answer.status == 200
    assert (await someone.now()).status == "active"


async def test_a_first_invoice_nobody_pays_expires_the_subscription(
    someone: Subscriber, prices: dict[str, str], receiver: Receiver
) -> None:
    await someone.card("pm_card_threeDSecure2Required")
    assert (await someone.subscribe(prices["starter"])).status == "incomplete"
    await receiver.until("invoice.payment_action_required")
    assert (await someone.wait(23 * 3600)).status == "incomplete_expired"


async def test_a_trial_is_announced_then_charged(
    someone: Subscriber, prices: dict[str, str], receiver: Receiver
) -> None:
    assert (await someone.subscribe(prices["starter"], trial_period_days=7)).status == "trialing"
    await someone.wait(4 * DAY)
    await receiver.until("customer.subscription.trial_will_end")
    paid = await someone.wait(3 * DAY + 3600)
    assert (paid.status, paid.latest_invoice.amount_paid) == ("active", 500)


async def test_a_cancellation_waits_for_the_periods_end(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.subscribe(prices["starter"])
    kept = await client.v1.subscriptions.update_async(someone.id, {"cancel_at_period_end": True})
    assert (kept.status, kept.cancel_at) == ("active", kept["items"].data[0].current_period_end)
    assert (await someone.wait(MONTH)).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        await client.v1.subscriptions.cancel_async(someone.id)


async def test_paused_collection_voids_what_it_drafts(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.subscribe(prices["starter"])
    await client.v1.subscriptions.update_async(someone.id, {"pause_collection": {"behavior": "void"}})
    sub = await someone.wait(MONTH + 3600)
    assert (sub.status, sub.latest_invoice.status) == ("active", "void")


async def test_deleting_a_customer_ends_its_subscriptions(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str], receiver: Receiver
) -> None:
    await someone.subscribe(prices["starter"])
    assert (await client.v1.customers.delete_async(someone.customer)).deleted
    await receiver.until("customer.deleted")
    assert "customer.subscription.deleted" in receiver.types
    assert (await client.v1.customers.retrieve_async(someone.customer)).deleted


@pytest.mark.parametrize("steps", [1, 100])
async def test_it_does_not_matter_in_how_many_steps_time_passes(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str], steps: int
) -> None:
    await someone.subscribe(prices["starter"], trial_period_days=5)
    for _ in range(steps):
        await someone.wait(100 * DAY // steps)
    invoices = (await client.v1.invoices.list_async({"customer": someone.customer})).data
    assert [(row.amount_paid, row.status) for row in invoices] == [(500, "paid")] * 4 + [(0, "paid")]
    assert [row.created for row in invoices] == [row.lines.data[0].period.start for row in invoices]
