"""What happens by itself: the ladder with its mails, a webhook that never came, an event that cannot be acted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

if TYPE_CHECKING:
    import stripe

    from tests.control.billing.conftest import Platform
    from tests.support.http import Caller
    from zpack.control.db.session import Database

BILLING_MAILS = text("select template from mail_outbox where template like 'billing_%' order by created_at")
POISON = text(
    "insert into billing_events (id, type, object_kind, object_id, customer_id, happened_at) values"
    " ('evt_poison', 'invoice.payment_action_required', 'invoice', 'in_none', :customer, now())"
)


async def mails(database: Database) -> list[str]:
    async with database.reading() as session:
        return [name.removeprefix("billing_") for name in await session.scalars(BILLING_MAILS)]


async def stands(platform: Platform) -> tuple[str, str, str]:
    state = await platform.state()
    return state["plan"]["id"], state["status"], state["serverBillingState"]


@pytest.mark.seed("S88")
async def test_who_stops_paying_climbs_rung_by_rung_and_is_told_of_each(
    ann_buys: Platform, database: Database
) -> None:
    await ann_buys.pay("starter")
    await ann_buys.card("pm_card_chargeCustomerFail")
    seen: list[tuple[str, str]] = []
    await ann_buys.days(32)
    for _ in range(65):
        here = (await stands(ann_buys))[1:]
        if here not in seen:
            seen.append(here)
        await ann_buys.days(1)
    assert seen == [
        ("overdue_warning", "allowed"), ("overdue_warning", "backup_blocked"),
        ("suspended", "suspended_shutdown"), ("retained", "retained"), ("pending_deletion", "retained"),
    ]  # fmt: skip
    assert await mails(database) == ["warning", "final_warning", "backup_blocked", "suspended"]


async def test_who_pays_at_last_is_free_again_at_once(
    ann_buys: Platform, database: Database, sdk: stripe.StripeClient
) -> None:
    await ann_buys.pay("starter")
    await ann_buys.card("pm_card_chargeCustomerFail")
    await ann_buys.days(32)
    for _ in range(8):
        await ann_buys.days(1)
    assert (await stands(ann_buys))[1:] == ("suspended", "suspended_shutdown")
    await ann_buys.card("pm_card_visa")
    for bill in (await sdk.v1.invoices.list_async({"status": "open"})).data:
        await sdk.v1.invoices.pay_async(bill.id)
    await ann_buys.settle()
    state = await ann_buys.state()
    assert (state["serverBillingState"], state["pastDueSince"]) == ("allowed", None)
    assert (await mails(database))[-1] == "recovered"


@pytest.mark.seed("S88")
async def test_what_no_webhook_told_is_found_by_comparing(
    ann_buys: Platform, sdk: stripe.StripeClient
) -> None:
    for endpoint in (await sdk.v1.webhook_endpoints.list_async()).data:
        await sdk.v1.webhook_endpoints.delete_async(endpoint.id)
    await ann_buys.pay("starter")
    assert (await stands(ann_buys))[0] == "free"
    await ann_buys.scheduler.reconcile()
    assert await stands(ann_buys) == ("starter", "active", "allowed")


async def test_an_event_that_cannot_be_acted_on_is_seen_and_holds_up_nothing(
    ann_buys: Platform, database: Database, root: Caller
) -> None:
    await ann_buys.caller.post("/api/billing/checkout", {"plan": "pro"})
    [customer] = ann_buys.world.store.all("customer")
    async with database.transaction() as session:
        await session.execute(POISON, {"customer": customer["id"]})
    await ann_buys.settle()
    await ann_buys.pay("starter")
    assert (await stands(ann_buys))[0] == "starter"
    async with database.transaction() as session:
        await session.execute(text("update billing_events set due_at = now() where id = 'evt_poison'"))
    await ann_buys.settle()
    [event] = (await root.get("/api/admin/billing/events")).body["events"]
    assert (event["id"], event["type"]) == ("evt_poison", "invoice.payment_action_required")
    assert (await ann_buys.caller.get("/api/admin/billing/events")).status == 403
