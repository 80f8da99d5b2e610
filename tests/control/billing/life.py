"""A subscription's whole life, recorded from the simulated Stripe: its events, and what one would have fetched."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from zpack.control.outside.stripe_facts import CustomerFacts, Notice, invoice_of, notice_of, subscription_of

if TYPE_CHECKING:
    from tests.control.billing.conftest import Platform
    from zpack.simulate.stripe.world import World


@dataclass
class Life:
    """Events in the order in which they happened, and the customer's facts as they were at each."""

    notices: list[Notice] = field(default_factory=list)
    moments: list[CustomerFacts] = field(default_factory=list)

    def of(self, number: int) -> tuple[list[Notice], list[CustomerFacts]]:
        """Return the same life of another customer."""
        return (
            [replace(n, id=f"{n.id}-{number}", customer=f"cus-{number}") for n in self.notices],
            [_renamed(facts, number) for facts in self.moments],
        )


def _renamed(facts: CustomerFacts, number: int) -> CustomerFacts:
    return replace(
        facts,
        id=f"cus-{number}",
        subscriptions=tuple(replace(s, id=f"{s.id}-{number}") for s in facts.subscriptions),
        open_invoices=tuple(
            replace(i, subscription=f"{i.subscription}-{number}") for i in facts.open_invoices
        ),
    )


def facts_in(world: World) -> CustomerFacts:
    """Return what fetching the only customer would bring now."""
    schedules = {body["id"]: body for body in world.store.all("subscription_schedule")}
    return CustomerFacts(
        id="cus",
        deleted=False,
        user_id=None,
        subscriptions=tuple(
            subscription_of({**body, "schedule": schedules.get(body.get("schedule"))})
            for body in world.store.all("subscription")
        ),
        open_invoices=tuple(
            invoice_of(body) for body in world.store.all("invoice") if body["status"] == "open"
        ),
    )


async def lived(platform: Platform) -> Life:
    """Buy, renew, upgrade, fail to pay, be dunned, recover, downgrade, cancel; return it all."""
    life = Life()

    def listen(event: dict[str, Any]) -> None:
        notice = notice_of(event)
        if notice.customer is not None:
            life.notices.append(notice)
            life.moments.append(facts_in(platform.world))

    platform.world.listeners.append(listen)
    await platform.pay("starter")
    await platform.days(32)
    await platform.caller.post("/api/billing/upgrade", {"plan": "performance"})
    await platform.card("pm_card_chargeCustomerFail")
    await platform.days(32)
    await platform.days(4)
    assert (await platform.state())["pastDueSince"] is not None
    await platform.card("pm_card_visa")
    await platform.days(6)
    assert (await platform.state())["status"] == "active"
    await platform.caller.post("/api/billing/downgrade", {"plan": "starter"})
    await platform.days(32)
    await platform.caller.post("/api/billing/cancel")
    await platform.days(32)
    await platform.settle()
    life.notices.append(replace(life.notices[-1], id="evt_after", type="customer.updated"))
    life.moments.append(facts_in(platform.world))
    return life
