"""An application that sells plans, the simulated Stripe behind it, and a worker that acts when it is told to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.stripe import official_client, simulated
from tests.support.waiting import eventually
from zpack.control.billing.mirror import Mirror
from zpack.control.billing.poller import Inbox
from zpack.control.billing.reconciler import Scheduler
from zpack.control.wiring.billing import billing_settings
from zpack.simulate.stripe.billing.due import pass_time
from zpack.simulate.stripe.resources.events import add_endpoint
from zpack.simulate.stripe.settings import Settings as SimulatorSettings
from zpack.simulate.stripe.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import stripe

    from tests.support.http import Caller
    from zpack.control.settings import Settings
    from zpack.control.wiring import Clients

KEY = "sk_test_rehearsal"
SECRET = "whsec_rehearsal"
DAY = 86_400


@pytest.fixture
def world() -> World:
    return World(SimulatorSettings(key=KEY, delivery_seconds=(0.1, 0.1)))


@pytest.fixture
async def stripe_base(world: World) -> AsyncIterator[str]:
    async with simulated(world) as base:
        yield base


@pytest.fixture
async def sdk(stripe_base: str) -> AsyncIterator[stripe.StripeClient]:
    """The operator's hands in Stripe's dashboard."""
    async with official_client(stripe_base, KEY) as client:
        yield client


@pytest.fixture
async def prices(sdk: stripe.StripeClient) -> dict[str, str]:
    product = await sdk.v1.products.create_async({"name": "Plans"})
    made: dict[str, str] = {}
    for plan, cents in (("starter", 500), ("pro", 1000), ("performance", 2000)):
        recurring: Any = {"interval": "month"}
        price = await sdk.v1.prices.create_async(
            {"product": product.id, "currency": "usd", "unit_amount": cents, "recurring": recurring}
        )
        made[plan] = price.id
    return made


@pytest.fixture
def extra(stripe_base: str, prices: dict[str, str]) -> dict[str, Any]:
    return {
        "stripe_secret_key": KEY,
        "stripe_webhook_secret": SECRET,
        "stripe_api_base": stripe_base,
        **{f"stripe_price_{plan}": price for plan, price in prices.items()},
    }


@dataclass
class Clock:
    """The time our own steps are made by."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mirror(clients: Clients, settings: Settings, clock: Clock) -> Mirror:
    return Mirror(
        database=clients.database, stripe=clients.stripe, settings=billing_settings(settings), clock=clock
    )


@pytest.fixture
def inbox(clients: Clients, mirror: Mirror) -> Inbox:
    return Inbox(database=clients.database, stripe=clients.stripe, mirror=mirror)


@pytest.fixture
def scheduler(clients: Clients, settings: Settings, mirror: Mirror, clock: Clock) -> Scheduler:
    return Scheduler(
        database=clients.database,
        stripe=clients.stripe,
        mirror=mirror,
        days=billing_settings(settings).days,
        alone=lambda: True,
        clock=clock,
    )


class Platform:
    """Ann's way through billing: what she clicks, what Stripe sends, and what time does."""

    def __init__(
        self, *, caller: Caller, world: World, inbox: Inbox, scheduler: Scheduler, clock: Clock
    ) -> None:
        self.caller = caller
        self.world = world
        self.inbox = inbox
        self.scheduler = scheduler
        self.clock = clock

    async def pay(self, plan: str, *, card: str = "pm_card_visa") -> None:
        """Check out and pay."""
        reply = await self.caller.post("/api/billing/checkout", {"plan": plan})
        assert reply.status == 200, reply
        await self.complete(reply.body["url"], card=card)
        await self.settle()

    async def complete(self, url: str, *, card: str = "pm_card_visa") -> int:
        async with (
            aiohttp.ClientSession() as browser,
            browser.post(f"{url}/complete", data={"card": card}, allow_redirects=False) as answer,
        ):
            return answer.status

    async def settle(self) -> None:
        """Let Stripe deliver everything, and act on all of it."""
        await eventually(lambda: not self.world_pending(), what="Stripe's deliveries")
        while await self.inbox.tick():
            pass

    def world_pending(self) -> bool:
        return any(event["pending_webhooks"] for event in self.world.store.all("event"))

    async def days(self, days: float) -> None:
        """Let time pass for Stripe and for us; then do what is due, once."""
        self.world.add_time(int(days * DAY))
        self.clock.pass_days(days)
        pass_time(self.world, None, self.world.wall())
        await self.settle()
        await self.scheduler.tick()

    async def state(self) -> dict[str, Any]:
        reply = await self.caller.get("/api/billing")
        assert reply.status == 200, reply
        return reply.body

    async def card(self, token: str) -> None:
        """Give the customer another card, as the portal would."""
        [customer] = self.world.store.all("customer")
        await self._attach(customer["id"], token)

    _attach: Any = None


@pytest.fixture
async def ann_buys(  # noqa: PLR0917 - fixtures
    ann: Caller,
    base_url: str,
    world: World,
    sdk: stripe.StripeClient,
    inbox: Inbox,
    scheduler: Scheduler,
    clock: Clock,
) -> Platform:
    """Ann, with Stripe delivering to the application."""
    add_endpoint(world, f"{base_url}/api/billing/webhook", ["*"], SECRET)
    made = Platform(caller=ann, world=world, inbox=inbox, scheduler=scheduler, clock=clock)

    async def attach(customer: str, token: str) -> None:
        method = await sdk.v1.payment_methods.attach_async(token, {"customer": customer})
        await sdk.v1.customers.update_async(
            customer, {"invoice_settings": {"default_payment_method": method.id}}
        )
        for sub in world.store.all("subscription"):
            await sdk.v1.subscriptions.update_async(sub["id"], {"default_payment_method": method.id})

    made._attach = attach
    return made
