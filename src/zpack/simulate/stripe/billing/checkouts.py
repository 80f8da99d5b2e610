"""Checkout sessions: completed by a card on our page or by the operator's door, expired, settled later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing import begin, cards, charging, people
from zpack.simulate.stripe.errors import ApiError

if TYPE_CHECKING:
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World


def complete(
    world: World, session: Body, *, card: str, email: str | None, authenticated: bool, late: bool
) -> Body:
    """Pay a session with a test card and complete it. Raises ApiError; then it stays open.

    ``late`` completes it as a payment that takes days does: unpaid, settled later.
    """
    if session["status"] != "open":
        raise ApiError(400, f"This Checkout Session is {session['status']}: it cannot be paid any more.")
    known = world.store.find("payment_method", card)
    name = world.store.peek(card).get("card", "visa") if known else cards.name_of(card)
    if name is None:
        raise ApiError(400, "This is none of Stripe's test cards.", param="card")
    if cards.CARDS[name].asks and not authenticated:
        raise charging.Outcome(charging.ASKS).error()
    test = cards.CARDS[name]
    refused = world.decline_of(session["customer"]) or test.charge or test.attach
    if refused and session["mode"] != "setup":
        raise charging.Outcome(charging.REFUSED, refused).error()
    customer = _customer(world, session, email)
    session["customer"] = customer["id"]
    method = cards.attach(world, known or cards.make(world, name, customer=customer["id"]), customer)
    wanted = world.store.peek(session["id"])
    if session["mode"] == "subscription":
        _subscribe(world, session, customer, method, wanted["subscription"])
    elif session["mode"] == "payment":
        _charge(world, session, method, wanted["payment"])
    paid = "paid" if session["amount_total"] else "no_payment_required"
    session["payment_status"] = "unpaid" if late else paid
    session["status"] = "complete"
    session["url"] = None
    session["customer_details"] = people.details(customer)
    world.store.put(session)
    world.emit("checkout.session.completed", session)
    return session


def expire(world: World, session: Body) -> Body:
    """Expire an open session. Raises ApiError."""
    if session["status"] != "open":
        raise ApiError(400, 'Only Checkout Sessions with a status in ["open"] can be expired.')
    session["status"] = "expired"
    session["url"] = None
    world.store.put(session)
    world.emit("checkout.session.expired", session)
    return session


def settle(world: World, session: Body, *, succeeded: bool) -> Body:
    """Say what became of a payment that was late. Raises ApiError."""
    if session["status"] != "complete" or session["payment_status"] != "unpaid":
        raise ApiError(400, "This Checkout Session waits for no payment.")
    if succeeded:
        session["payment_status"] = "paid"
    world.store.put(session)
    word = "succeeded" if succeeded else "failed"
    world.emit(f"checkout.session.async_payment_{word}", session)
    return session


def _customer(world: World, session: Body, email: str | None) -> Body:
    if session["customer"]:
        return world.store.get("customer", session["customer"])
    return people.make(world, {"email": session["customer_email"] or email or "customer@example.com"})


def _subscribe(world: World, session: Body, customer: Body, method: Body, wanted: Body) -> None:
    given = {**wanted, "customer": customer["id"], "default_payment_method": method["id"]}
    sub = begin.begin(world, given, present=True)
    session["subscription"] = sub["id"]
    session["invoice"] = sub["latest_invoice"]


def _charge(world: World, session: Body, method: Body, wanted: Body) -> None:
    pay = charging.intent(
        world,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        description=wanted.get("description"),
        metadata={key: value for key, value in (wanted.get("metadata") or {}).items() if value},
    )
    charging.attempt(world, pay, method, charging.Outcome(charging.PAID))
    session["payment_intent"] = pay["id"]
