"""``/v1/payment_pages``: not documented by Stripe; its own command line pays a checkout session with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing import checkouts
from zpack.simulate.stripe.calls import route
from zpack.simulate.stripe.errors import invalid
from zpack.simulate.stripe.forms import TEXT, WHOLE_NUMBER

if TYPE_CHECKING:
    from zpack.simulate.stripe.calls import Call
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World


def retrieve(world: World, call: Call) -> Body:
    """Return what a checkout page knows of its session."""
    session = world.store.get("checkout.session", call["page"])
    due = session["amount_total"]
    return {"id": session["id"], "object": "payment_page", "invoice": None, "total_summary": {"due": due}}


def confirm(world: World, call: Call) -> Body:
    """Pay a session with a payment method. Raises ApiError."""
    session, given = world.store.get("checkout.session", call["page"]), call.given
    if given["expected_amount"] != session["amount_total"]:
        raise invalid("The expected amount is not the session's.", param="expected_amount")
    checkouts.complete(
        world, session, card=given["payment_method"], email=None, authenticated=True, late=False
    )
    return retrieve(world, call)


ROUTES = [
    route("GET", "/v1/payment_pages/{page}", retrieve),
    route(
        "POST",
        "/v1/payment_pages/{page}/confirm",
        confirm,
        {"expected_amount": WHOLE_NUMBER, "payment_method": TEXT},
        required=("expected_amount", "payment_method"),
    ),
]
