"""Upgrades, downgrades and what they cost, driven by Stripe's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import stripe

from tests.simulate.stripe import spec
from tests.simulate.stripe.test_flow import DAY, MONTH, Subscriber, price_of, someone

if TYPE_CHECKING:
    import aiohttp

    from tests.simulate.stripe.conftest import Receiver

__all__ = ["someone"]
UPGRADE: dict[str, Any] = {
    "proration_behavior": "always_invoice",
    "payment_behavior": "pending_if_incomplete",
}


async def test_an_upgrade_is_charged_for_the_rest_of_the_period(
    someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.subscribe(prices["starter"])
    await someone.wait(10 * DAY)
    await someone.change(prices["pro"], **UPGRADE)
    sub = await someone.now()
    assert (price_of(sub), sub.pending_update) == (prices["pro"], None)
    assert 300 < sub.latest_invoice.amount_paid < 360
    assert [line.amount > 0 for line in sub.latest_invoice.lines.data] == [False, True]


async def test_an_unpaid_upgrade_waits(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str], receiver: Receiver
) -> None:
    await someone.subscribe(prices["starter"])
    await someone.card("pm_card_chargeCustomerFail")
    sub = await someone.change(prices["pro"], **UPGRADE)
    assert (sub.status, price_of(sub)) == ("active", prices["starter"])
    assert sub.pending_update.subscription_items[0].price.id == prices["pro"]
    await client.v1.invoices.pay_async(sub.latest_invoice, {"payment_method": "pm_card_visa"})
    assert price_of(await someone.now()) == prices["pro"]
    await receiver.until("customer.subscription.pending_update_applied")


async def test_an_upgrade_nobody_pays_is_forgotten(
    someone: Subscriber, prices: dict[str, str], receiver: Receiver
) -> None:
    await someone.subscribe(prices["starter"])
    await someone.card("pm_card_chargeCustomerFail")
    await someone.change(prices["pro"], **UPGRADE)
    sub = await someone.wait(23 * 3600)
    assert (sub.pending_update, sub.latest_invoice.status, price_of(sub)) == (None, "void", prices["starter"])
    await receiver.until("customer.subscription.pending_update_expired")


async def test_a_pending_update_takes_only_what_stripe_allows(
    someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.subscribe(prices["starter"])
    with pytest.raises(stripe.InvalidRequestError, match="supported parameters") as refused:
        await someone.change(prices["pro"], **UPGRADE, metadata={"a": "b"})
    assert refused.value.param == "metadata"


async def test_an_upgrade_that_must_be_paid_changes_nothing_otherwise(
    someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.subscribe(prices["starter"])
    await someone.card("pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError) as refused:
        await someone.change(
            prices["pro"], proration_behavior="always_invoice", payment_behavior="error_if_incomplete"
        )
    assert refused.value.code == "card_declined"
    assert price_of(await someone.now()) == prices["starter"]


async def test_prorations_wait_for_the_next_invoice(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.subscribe(prices["starter"])
    await someone.wait(10 * DAY)
    await someone.change(prices["pro"], proration_behavior="create_prorations")
    pending = await client.v1.invoice_items.list_async({"customer": someone.customer, "pending": True})
    assert len(pending.data) == 2
    renewed = await someone.wait(22 * DAY)
    assert len(renewed.latest_invoice.lines.data) == 3
    assert renewed.latest_invoice.total == 1000 + sum(item.amount for item in pending.data)


async def test_a_credit_goes_to_the_balance(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.subscribe(prices["performance"])
    await someone.change(prices["starter"], proration_behavior="always_invoice")
    assert (await someone.now()).latest_invoice.total == -1500
    assert (await client.v1.customers.retrieve_async(someone.customer)).balance == -1500


async def test_another_rhythm_begins_a_new_period(someone: Subscriber, prices: dict[str, str]) -> None:
    await someone.subscribe(prices["starter"])
    await someone.wait(10 * DAY)
    await someone.change(prices["yearly"])
    sub = await someone.now()
    assert sub["items"].data[0].current_period_start == someone.at
    assert sub.latest_invoice.amount_paid == sub.latest_invoice.total < 10000


async def test_a_preview_says_what_an_upgrade_costs_and_keeps_nothing(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    sub = await someone.subscribe(prices["starter"])
    item = sub["items"].data[0].id
    preview = await client.v1.invoices.create_preview_async(
        {
            "subscription": someone.id,
            "subscription_details": {
                "items": [{"id": item, "price": prices["pro"]}],
                "proration_behavior": "always_invoice",
                "proration_date": someone.at,
            },
        }
    )
    assert (preview.amount_due, price_of(await someone.now())) == (500, prices["starter"])
    assert spec.complaints(preview.last_response.data) == []
    assert len((await client.v1.invoices.list_async({"customer": someone.customer})).data) == 1


async def test_an_open_invoice_tells_how_it_can_be_paid(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    sub = await someone.subscribe(
        prices["starter"],
        payment_behavior="default_incomplete",
        expand=["latest_invoice.confirmation_secret", "latest_invoice.payments"],
    )
    [payment] = sub.latest_invoice.payments.data
    assert sub.latest_invoice.confirmation_secret.client_secret.startswith(payment.payment.payment_intent)
    await client.v1.payment_intents.confirm_async(
        payment.payment.payment_intent, {"payment_method": "pm_card_visa"}
    )
    assert (await someone.now()).status == "active"


async def test_a_preview_of_the_renewal_is_its_invoice(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.subscribe(prices["starter"])
    preview = await client.v1.invoices.create_preview_async({"subscription": someone.id})
    assert (preview.amount_due, preview.billing_reason) == (500, "upcoming")


async def downgraded(client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]) -> Any:
    """Put a subscription on a schedule that makes it smaller when its period ends."""
    await someone.subscribe(prices["pro"])
    schedule = await client.v1.subscription_schedules.create_async({"from_subscription": someone.id})
    now = schedule.phases[0]
    return await client.v1.subscription_schedules.update_async(
        schedule.id,
        {
            "end_behavior": "release",
            "phases": [
                {"items": [{"price": prices["pro"]}], "start_date": now.start_date, "end_date": now.end_date},
                {"items": [{"price": prices["starter"]}], "duration": {"interval": "month"}},
            ],
        },
    )


async def test_a_downgrade_comes_with_the_next_period(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str], receiver: Receiver
) -> None:
    schedule = await downgraded(client, someone, prices)
    assert price_of(await someone.now()) == prices["pro"]
    sub = await someone.wait(MONTH + 3600)
    assert (price_of(sub), sub.latest_invoice.amount_paid) == (prices["starter"], 500)
    assert (await someone.wait(MONTH)).schedule is None
    done = await client.v1.subscription_schedules.retrieve_async(schedule.id)
    assert (done.status, done.released_subscription) == ("released", someone.id)


async def test_a_schedule_keeps_direct_changes_away_until_it_is_released(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    schedule = await downgraded(client, someone, prices)
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        await someone.change(prices["performance"])
    await client.v1.subscription_schedules.release_async(schedule.id)
    assert price_of(await someone.change(prices["performance"])) == prices["performance"]


async def test_the_portal_cancels_changes_and_takes_a_card(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str], browser: aiohttp.ClientSession
) -> None:
    await someone.subscribe(prices["starter"])
    portal = await client.v1.billing_portal.sessions.create_async({"customer": someone.customer})
    chosen = {"subscription": someone.id, "price": prices["pro"], "card": "pm_card_mastercard"}
    for deed in ("cancel", "plan", "card"):
        async with browser.post(f"{portal.url}/{deed}", data=chosen) as page:
            assert page.status == 200, await page.text()
    sub = await client.v1.subscriptions.retrieve_async(someone.id, {"expand": ["default_payment_method"]})
    assert (sub.cancel_at_period_end, price_of(sub)) == (True, prices["pro"])
    assert sub.default_payment_method.card.brand == "mastercard"
    async with browser.post(f"{portal.url}/resume", data=chosen) as page:
        assert "Cancel" in await page.text()


async def test_a_portal_flow_names_a_subscription_of_its_customer(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.subscribe(prices["starter"])
    flow = {"type": "subscription_cancel", "subscription_cancel": {"subscription": someone.id}}
    made = await client.v1.billing_portal.sessions.create_async(
        {"customer": someone.customer, "flow_data": flow}
    )
    assert made.flow.subscription_cancel.subscription == someone.id
    stranger = await client.v1.customers.create_async({})
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        await client.v1.billing_portal.sessions.create_async({"customer": stranger.id, "flow_data": flow})


async def test_refunds_and_disputes_are_told(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str], receiver: Receiver
) -> None:
    await someone.subscribe(prices["starter"])
    [charge] = (await client.v1.charges.list_async({"customer": someone.customer})).data
    await client.v1.refunds.create_async({"charge": charge.id, "amount": 100})
    [event] = await receiver.until("charge.refunded")
    assert event["data"]["object"]["amount_refunded"] == 100
