"""What forms are taken: never more than Stripe's own document allows, and refused in Stripe's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulate.stripe import spec
from zpack.simulate.stripe.resources.routes import ROUTES

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Route


DOCUMENTED = [route for route in ROUTES if not route.path.startswith("/v1/payment_pages/")]


@pytest.mark.parametrize("route", DOCUMENTED, ids=lambda route: f"{route.method} {route.path}")
def test_a_form_takes_nothing_that_stripe_does_not(route: Route) -> None:
    assert spec.misfits(route.form, spec.form_of(route.method, route.path)) == []
