"""A person pays at Stripe's page, comes back, cancels, and takes it back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.person import person

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.support.person import Person

pytestmark = [pytest.mark.journey, pytest.mark.chromium, pytest.mark.asyncio(loop_scope="package")]
CHECKOUT = re.compile(r"/c/pay/cs_\w+$")


async def chooses_a_plan(who: Person) -> None:
    """Press the first plan's button; be led to the payment page."""
    await who.goes("/billing")
    await who.presses(re.compile("^Choose "))
    await who.page.wait_for_url(CHECKOUT, timeout=who.patience())


async def test_a_plan_is_paid_cancelled_and_kept(portal: str, browser: Browser) -> None:
    async with person(browser, portal, "billing") as bea:
        await bea.registers("bea")
        await bea.arrives("/servers/create")
        await chooses_a_plan(bea)
        await bea.presses("Back")
        await bea.arrives("/billing")
        await bea.reads("No subscription yet")
        await chooses_a_plan(bea)
        await bea.page.get_by_label("Card").select_option("mastercard")
        await bea.presses("Pay")
        await bea.reads("All is paid")
        await bea.pictured("paid")
        await bea.follows("Cancel subscription")
        await bea.presses("Cancel the subscription")
        await bea.reads("Your subscription is cancelled")
        await bea.reads("Ends")
        await bea.presses("Keep it as it is")
        await bea.reads("All is paid")
        await bea.reads("Renews")


async def test_a_card_that_is_declined_buys_nothing(portal: str, browser: Browser) -> None:
    async with person(browser, portal, "declined") as dee:
        await dee.registers("dee")
        await dee.arrives("/servers/create")
        await chooses_a_plan(dee)
        await dee.page.get_by_label("Card").select_option("chargeDeclined")
        await dee.presses("Pay")
        await dee.reads("declined")
        await dee.goes("/billing")
        await dee.reads("No subscription yet")
