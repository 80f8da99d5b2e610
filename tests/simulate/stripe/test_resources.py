"""What the flows do not touch: invoices by hand, cards on file, portal configurations, trials that end early."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe

from tests.simulate.stripe.test_changes import downgraded
from tests.simulate.stripe.test_flow import DAY, someone

if TYPE_CHECKING:
    from tests.simulate.stripe.conftest import Receiver
    from tests.simulate.stripe.test_flow import Subscriber

__all__ = ["someone"]


async def drafted(client: stripe.StripeClient, someone: Subscriber, amount: int = 700) -> stripe.Invoice:
    """Return an invoice by hand with one line."""
    await client.v1.invoice_items.create_async(
        {"customer": someone.customer, "amount": amount, "currency": "usd"}
    )
    return await client.v1.invoices.create_async(
        {"customer": someone.customer, "pending_invoice_items_behavior": "include"}
    )


async def test_an_invoice_by_hand_is_finalized_and_paid(
    client: stripe.StripeClient, someone: Subscriber
) -> None:
    draft = await drafted(client, someone)
    opened = await client.v1.invoices.finalize_invoice_async(draft.id)
    assert (draft.status, opened.status, opened.amount_due) == ("draft", "open", 700)
    assert (await client.v1.invoices.pay_async(draft.id)).status == "paid"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.invoices.pay_async(draft.id)
    assert refused.value.code == "invoice_already_paid"


async def test_an_invoice_by_hand_advances_when_it_is_told_to(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.subscribe(prices["starter"])
    draft = await drafted(client, someone)
    await client.v1.invoices.update_async(draft.id, {"auto_advance": True})
    await someone.wait(3600)
    assert (await client.v1.invoices.retrieve_async(draft.id)).status == "paid"


async def test_an_open_invoice_is_given_up_or_voided(
    client: stripe.StripeClient, someone: Subscriber, receiver: Receiver
) -> None:
    draft = await drafted(client, someone)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.invoices.void_invoice_async(draft.id)
    await client.v1.invoices.finalize_invoice_async(draft.id)
    assert (await client.v1.invoices.mark_uncollectible_async(draft.id)).status == "uncollectible"
    assert (await client.v1.invoices.void_invoice_async(draft.id)).status == "void"
    await receiver.until("payment_intent.canceled")


async def test_an_invoice_paid_elsewhere_is_paid_but_no_payment_succeeded(
    client: stripe.StripeClient, someone: Subscriber, receiver: Receiver
) -> None:
    draft = await drafted(client, someone)
    await client.v1.invoices.pay_async(draft.id, {"paid_out_of_band": True})
    await receiver.until("invoice.paid")
    assert "invoice.payment_succeeded" not in receiver.types


async def test_a_balance_pays_first(client: stripe.StripeClient, someone: Subscriber) -> None:
    await client.v1.customers.update_async(someone.customer, {"balance": -500})
    draft = await drafted(client, someone)
    assert (await client.v1.invoices.pay_async(draft.id)).amount_paid == 200
    assert (await client.v1.customers.retrieve_async(someone.customer)).balance == 0


async def test_a_detached_card_pays_nothing_more(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    [card] = (await client.v1.customers.payment_methods.list_async(someone.customer)).data
    await client.v1.payment_methods.detach_async(card.id)
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        await someone.subscribe(prices["starter"])


async def test_a_setup_intent_saves_a_card(client: stripe.StripeClient, someone: Subscriber) -> None:
    made = await client.v1.setup_intents.create_async(
        {"customer": someone.customer, "payment_method": "pm_card_mastercard", "confirm": True}
    )
    assert made.status == "succeeded"
    with pytest.raises(stripe.CardError):
        await client.v1.setup_intents.create_async(
            {"payment_method": "pm_card_chargeDeclined", "confirm": True}
        )


async def test_a_subscription_that_must_be_paid_does_not_begin_otherwise(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.card("pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError):
        await someone.subscribe(prices["starter"], payment_behavior="error_if_incomplete")
    found = await client.v1.subscriptions.list_async({"customer": someone.customer, "status": "all"})
    assert found.data == []


async def test_a_trial_ends_when_it_is_told_to(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    await someone.subscribe(prices["starter"], trial_period_days=14)
    await client.v1.subscriptions.update_async(someone.id, {"trial_end": "now"})
    sub = await someone.now()
    assert (sub.status, sub.latest_invoice.amount_paid) == ("active", 500)


@pytest.mark.parametrize(("behavior", "status"), [("pause", "paused"), ("cancel", "canceled")])
async def test_a_trial_without_a_card_ends_as_it_was_told(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str], behavior: str, status: str
) -> None:
    [card] = (await client.v1.customers.payment_methods.list_async(someone.customer)).data
    await client.v1.payment_methods.detach_async(card.id)
    settings = {"end_behavior": {"missing_payment_method": behavior}}
    await someone.subscribe(prices["starter"], trial_period_days=3, trial_settings=settings)
    assert (await someone.wait(3 * DAY)).status == status


async def test_a_paused_subscription_resumes(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str], receiver: Receiver
) -> None:
    await test_a_trial_without_a_card_ends_as_it_was_told(client, someone, prices, "pause", "paused")
    await receiver.until("customer.subscription.paused")
    await someone.card("pm_card_visa")
    assert (await client.v1.subscriptions.resume_async(someone.id)).status == "active"
    await receiver.until("customer.subscription.resumed")


async def test_a_cancelled_schedule_ends_its_subscription(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str], receiver: Receiver
) -> None:
    schedule = await downgraded(client, someone, prices)
    assert (await client.v1.subscription_schedules.cancel_async(schedule.id)).status == "canceled"
    assert (await someone.now()).status == "canceled"
    await receiver.until("subscription_schedule.canceled")


async def test_a_portal_offers_what_its_configuration_says(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str], receiver: Receiver
) -> None:
    made = await client.v1.billing_portal.configurations.create_async(
        {"features": {"subscription_cancel": {"enabled": True, "mode": "immediately"}}}
    )
    assert made.features.subscription_update.enabled is False
    changed = await client.v1.billing_portal.configurations.update_async(
        made.id, {"features": {"subscription_cancel": {"mode": "at_period_end"}}}
    )
    assert (changed.features.subscription_cancel.enabled, changed.features.subscription_cancel.mode) == (
        True,
        "at_period_end",
    )
    default = await client.v1.billing_portal.configurations.list_async({"is_default": True})
    assert len(default.data) == 1


async def test_deleting_a_clock_deletes_its_customers(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str], receiver: Receiver
) -> None:
    await someone.subscribe(prices["starter"])
    assert (await client.v1.test_helpers.test_clocks.delete_async(someone.clock)).deleted
    await receiver.until("customer.deleted")


async def test_a_schedule_can_begin_its_subscription(
    client: stripe.StripeClient, someone: Subscriber, prices: dict[str, str]
) -> None:
    made = await client.v1.subscription_schedules.create_async(
        {
            "customer": someone.customer,
            "start_date": "now",
            "end_behavior": "cancel",
            "phases": [{"items": [{"price": prices["starter"]}], "duration": {"interval": "month"}}],
        }
    )
    someone.id = str(made.subscription)
    assert (await someone.now()).status == "active"
    assert (await someone.wait(32 * DAY)).status == "canceled"
