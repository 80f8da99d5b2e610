"""The portal in front of an application that sells plans, with the simulated Stripe behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.billing.conftest import (  # noqa: F401 - fixtures are taken by their names
    KEY,
    SECRET,
    Platform,
    clock,
    inbox,
    mirror,
    prices,
    scheduler,
    sdk,
    stripe_base,
    world,
)
from zpack.simulate.stripe.resources.events import add_endpoint

if TYPE_CHECKING:
    from tests.control.billing.conftest import Clock
    from tests.support.visitor import Visitor
    from zpack.control.billing.poller import Inbox
    from zpack.control.billing.reconciler import Scheduler
    from zpack.simulate.stripe.world import World


@pytest.fixture
def extra(port: int, stripe_base: str, prices: dict[str, str]) -> dict[str, Any]:  # noqa: F811
    return {
        "portal_url": f"http://localhost:{port}",
        "stripe_secret_key": KEY,
        "stripe_webhook_secret": SECRET,
        "stripe_api_base": stripe_base,
        **{f"stripe_price_{plan}": price for plan, price in prices.items()},
    }


@pytest.fixture
async def platform(  # noqa: PLR0917 - fixtures
    ann: Visitor,
    base_url: str,
    world: World,  # noqa: F811
    inbox: Inbox,  # noqa: F811
    scheduler: Scheduler,  # noqa: F811
    clock: Clock,  # noqa: F811
) -> Platform:
    """What Stripe and time do to Ann."""
    add_endpoint(world, f"{base_url}/api/billing/webhook", ["*"], SECRET)
    assert ann.api is not None
    return Platform(caller=ann.api, world=world, inbox=inbox, scheduler=scheduler, clock=clock)
