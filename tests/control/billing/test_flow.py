"""Subscribing, changing and ending, through the door and against the simulated Stripe (row S86)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.control.billing.conftest import Platform
    from tests.support.http import Caller


@pytest.mark.seed("S86")
async def test_who_pays_has_the_plan(ann_buys: Platform) -> None:
    assert (await ann_buys.state())["plan"]["id"] == "free"
    await ann_buys.pay("starter")
    state = await ann_buys.state()
    assert (state["plan"]["id"], state["status"], state["portalAvailable"]) == ("starter", "active", True)
    assert state["periodEnd"] is not None


async def test_opening_a_checkout_gives_nothing(ann_buys: Platform) -> None:
    await ann_buys.caller.post("/api/billing/checkout", {"plan": "pro"})
    await ann_buys.settle()
    assert (await ann_buys.state())["plan"]["id"] == "free"


async def test_who_has_a_subscription_buys_no_second_one(ann_buys: Platform) -> None:
    await ann_buys.pay("starter")
    reply = await ann_buys.caller.post("/api/billing/checkout", {"plan": "pro"})
    assert (reply.status, reply.body["error"]) == (409, "already_subscribed")


async def test_a_double_click_makes_one_subscription(ann_buys: Platform) -> None:
    clicks = [ann_buys.caller.post("/api/billing/checkout", {"plan": "pro"}) for _ in range(6)]
    replies = await asyncio.gather(*clicks)
    assert {r.status for r in replies} <= {200, 409}
    for url in {r.body["url"] for r in replies if r.status == 200}:
        await ann_buys.complete(url)
    await ann_buys.settle()
    assert len(list(ann_buys.world.store.all("subscription"))) == 1


async def test_of_two_tabs_one_can_pay(ann_buys: Platform) -> None:
    first = await ann_buys.caller.post("/api/billing/checkout", {"plan": "pro"})
    second = await ann_buys.caller.post("/api/billing/checkout", {"plan": "starter"})
    assert await ann_buys.complete(first.body["url"]) != 303
    assert await ann_buys.complete(second.body["url"]) == 303


async def test_the_same_key_is_the_same_checkout(ann_buys: Platform) -> None:
    headers = {"Idempotency-Key": "once"}
    replies = [
        await ann_buys.caller.post("/api/billing/checkout", {"plan": "pro"}, headers=headers)
        for _ in range(2)
    ]
    assert replies[0].body["url"] == replies[1].body["url"]
    other = await ann_buys.caller.post("/api/billing/checkout", {"plan": "starter"}, headers=headers)
    assert other.body["error"] == "idempotency_key_reused"


async def test_an_upgrade_is_there_at_once(ann_buys: Platform) -> None:
    await ann_buys.pay("starter")
    preview = await ann_buys.caller.post("/api/billing/upgrade?dryRun=true", {"plan": "pro"})
    assert preview.body["amountDueCents"] > 0
    reply = await ann_buys.caller.post("/api/billing/upgrade", {"plan": "pro"})
    assert (reply.status, reply.body["plan"]["id"]) == (200, "pro")


async def test_an_upgrade_that_is_not_paid_gives_nothing(ann_buys: Platform) -> None:
    await ann_buys.pay("starter")
    await ann_buys.card("pm_card_chargeCustomerFail")
    reply = await ann_buys.caller.post("/api/billing/upgrade", {"plan": "performance"})
    assert reply.status in {200, 402}
    await ann_buys.settle()
    assert (await ann_buys.state())["plan"]["id"] == "starter"


async def test_an_upgrade_needs_a_dearer_plan(ann_buys: Platform) -> None:
    await ann_buys.pay("pro")
    reply = await ann_buys.caller.post("/api/billing/upgrade", {"plan": "starter"})
    assert (reply.status, reply.body["error"]) == (409, "not_an_upgrade")


@pytest.mark.seed("S86")
async def test_a_downgrade_waits_for_the_periods_end(ann_buys: Platform) -> None:
    await ann_buys.pay("pro")
    reply = await ann_buys.caller.post("/api/billing/downgrade", {"plan": "starter"})
    assert reply.status == 200, reply
    assert (reply.body["plan"]["id"], reply.body["pendingChange"]["plan"]) == ("pro", "starter")
    await ann_buys.days(32)
    assert (await ann_buys.state())["plan"]["id"] == "starter"


async def test_an_upgrade_lets_go_of_a_planned_downgrade(ann_buys: Platform) -> None:
    await ann_buys.pay("pro")
    await ann_buys.caller.post("/api/billing/downgrade", {"plan": "starter"})
    reply = await ann_buys.caller.post("/api/billing/upgrade", {"plan": "performance"})
    assert (reply.body["plan"]["id"], reply.body["pendingChange"]) == ("performance", None)


async def test_a_cancelled_plan_lasts_until_the_periods_end(ann_buys: Platform) -> None:
    await ann_buys.pay("pro")
    reply = await ann_buys.caller.post("/api/billing/cancel")
    assert (reply.body["cancelAtPeriodEnd"], reply.body["plan"]["id"]) == (True, "pro")
    await ann_buys.days(32)
    state = await ann_buys.state()
    assert (state["plan"]["id"], state["status"]) == ("free", "canceled")


async def test_a_cancellation_is_taken_back(ann_buys: Platform) -> None:
    await ann_buys.pay("pro")
    await ann_buys.caller.post("/api/billing/cancel")
    reply = await ann_buys.caller.post("/api/billing/resume")
    assert reply.body["cancelAtPeriodEnd"] is False


async def test_the_portal_needs_a_customer(ann_buys: Platform) -> None:
    reply = await ann_buys.caller.post("/api/billing/portal")
    assert (reply.status, reply.body["error"]) == (409, "no_billing_account")
    await ann_buys.pay("starter")
    reply = await ann_buys.caller.post("/api/billing/portal")
    assert reply.body["url"].startswith("http")


@pytest.mark.parametrize("path", ["checkout", "upgrade", "downgrade"])
async def test_a_plan_that_is_not_sold_is_not_found(ann_buys: Platform, path: str) -> None:
    reply = await ann_buys.caller.post(f"/api/billing/{path}", {"plan": "gold"})
    assert (reply.status, reply.body["error"]) == (404, "plan_not_found")


@pytest.mark.seed("S89")
async def test_administrators_pay_nothing(ann_buys: Platform, root: Caller) -> None:
    assert (await root.get("/api/billing")).body["status"] == "exempt"
    reply = await root.post("/api/billing/checkout", {"plan": "pro"})
    assert (reply.status, reply.body["error"]) == (409, "billing_exempt")
