"""Checks that several resources share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing import lifecycle
from zpack.simulate.stripe.errors import ApiError, missing

if TYPE_CHECKING:
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World


def live_subscription(world: World, ident: str) -> Body:
    """Return a subscription that has not ended. Raises ApiError, as Stripe does: an ended one is gone."""
    sub = world.store.get("subscription", ident)
    if sub["status"] == "canceled":
        raise missing("subscription", ident)
    if sub["status"] in lifecycle.ENDED:
        raise ApiError(400, f"A subscription that is {sub['status']} cannot be changed.")
    return sub
