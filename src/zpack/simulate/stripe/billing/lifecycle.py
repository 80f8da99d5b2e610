"""A subscription's life: begun, paid or not, renewed, paused, given up, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.simulate.stripe.billing import charging, invoicing
from zpack.simulate.stripe.billing.calendar import DAY, HOUR, next_end
from zpack.simulate.stripe.billing.lines import period_part
from zpack.simulate.stripe.errors import ApiError, missing

if TYPE_CHECKING:
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

UPDATED = "customer.subscription.updated"
LIVE = ("trialing", "active", "past_due", "unpaid")
ENDED = ("canceled", "incomplete_expired")
INCOMPLETE_HOURS = 23
NOTICE = 3 * DAY


def running(world: World, ident: str) -> Body:
    """Return a subscription that has not ended. Raises ApiError, as Stripe does: an ended one is gone."""
    sub = world.store.get("subscription", ident)
    if sub["status"] == "canceled":
        raise missing("subscription", ident)
    if sub["status"] in ENDED:
        raise ApiError(400, f"A subscription that is {sub['status']} cannot be changed.")
    return sub


def first_invoice(world: World, sub: Body) -> Body:
    """Keep and finalize the invoice that a new subscription begins with."""
    trial = sub["status"] == "trialing"
    parts = [period_part(world, sub, item, free=trial) for item in sub["items"]["data"]]
    invoice = invoicing.of_subscription(
        world, sub, reason="subscription_create", at=sub["created"], parts=parts
    )
    sub["latest_invoice"] = invoice["id"]
    world.store.put(sub)
    invoicing.keep(world, invoice)
    invoice["auto_advance"] = False
    return invoicing.finalize(world, invoice)


def paid(world: World, sub: Body, invoice: Body) -> None:
    """Let a paid invoice bring its subscription back to good standing."""
    if invoice["id"] != sub["latest_invoice"] or sub["status"] in ENDED:
        return
    if sub["status"] in {"incomplete", "past_due", "unpaid"}:
        with world.changing(sub, UPDATED):
            sub["status"] = "active"


def refused(world: World, sub: Body, invoice: Body) -> None:
    """Let a failed attempt move its subscription: past due, and given up after the last retry."""
    if sub["status"] not in LIVE or invoice["id"] != sub["latest_invoice"] or pending_invoice(world, sub):
        return
    if invoice["next_payment_attempt"] is not None or not invoice["auto_advance"]:
        if sub["status"] in {"active", "trialing"}:
            with world.changing(sub, UPDATED):
                sub["status"] = "past_due"
        return
    give_up(world, sub, invoice)


def give_up(world: World, sub: Body, invoice: Body) -> None:
    """Do what the account does when the retries are over."""
    invoicing.give_up(world, invoice)
    if world.settings.exhausted == "cancel":
        end(world, sub, reason="payment_failed")
        return
    with world.changing(sub, UPDATED):
        sub["status"] = world.settings.exhausted


def pay(
    world: World, invoice: Body, *, present: bool = False, method: Body | None = None
) -> charging.Outcome:
    """Try to charge an open invoice and move its subscription accordingly."""
    result = invoicing.collect(world, invoice, present=present, method=method)
    settled(world, invoice, result)
    return result


def settled(world: World, invoice: Body, result: charging.Outcome) -> None:
    """Let the subscription of an invoice follow what came of an attempt."""
    sub = world.store.find("subscription", invoicing.subscription_of(invoice))
    if sub is None:
        return
    if result.state != charging.PAID:
        refused(world, sub, invoice)
        return
    apply_pending(world, sub, invoice)
    paid(world, sub, invoice)


def renew(world: World, sub: Body, at: int) -> None:
    """Begin the next period with a draft invoice, which is finalized an hour later."""
    was = sub["status"]
    begun = min(item["current_period_start"] for item in sub["items"]["data"])
    if was == "trialing" and _trial_without_card(world, sub):
        return
    roll(sub, at)
    parts = [period_part(world, sub, item) for item in sub["items"]["data"]]
    invoice = invoicing.of_subscription(world, sub, reason="subscription_cycle", at=at, parts=parts)
    invoice["period_start"], invoice["period_end"] = begun, at
    invoice["auto_advance"] = was != "unpaid"
    invoice["automatically_finalizes_at"] = at + HOUR if invoice["auto_advance"] else None
    before = {"latest_invoice": sub["latest_invoice"], **({"status": was} if was == "trialing" else {})}
    if was == "trialing":
        sub["status"] = "active"
    sub["latest_invoice"] = invoice["id"]
    world.store.put(sub)
    invoicing.keep(world, invoice)
    world.emit(UPDATED, sub, before)
    _paused_collection(world, sub, invoice)


def end_trial(world: World, sub: Body, at: int) -> None:
    """End a trial now: the first paid period begins and is charged at once."""
    with world.changing(sub, UPDATED):
        sub["trial_end"] = sub["billing_cycle_anchor"] = at
        for item in sub["items"]["data"]:
            item["current_period_end"] = at
    renew(world, sub, at)
    _charge_latest(world, sub)


def restart(world: World, sub: Body, at: int) -> None:
    """Begin a new period now and charge it."""
    with world.changing(sub, UPDATED):
        sub["billing_cycle_anchor"] = at
        sub["status"] = "active" if sub["status"] == "paused" else sub["status"]
    renew(world, sub, at)
    _charge_latest(world, sub)


def roll(sub: Body, at: int) -> None:
    """Move the items' periods on to the one that begins at ``at``."""
    for item in sub["items"]["data"]:
        item["current_period_start"] = at
        item["current_period_end"] = next_end(sub["billing_cycle_anchor"], item["price"]["recurring"], at)


def collect_draft(world: World, invoice: Body) -> None:
    """Finalize a draft that is due and charge it."""
    invoicing.finalize(world, invoice)
    if invoice["status"] == "paid":
        settled(world, invoice, charging.Outcome(charging.PAID))
    elif invoice["collection_method"] == "charge_automatically":
        pay(world, invoice)


def end(world: World, sub: Body, *, reason: str, at: int | None = None) -> Body:
    """End a subscription now."""
    now = at or world.now(sub["test_clock"])
    sub["status"] = "canceled"
    sub["canceled_at"] = sub["canceled_at"] or now
    sub["ended_at"] = now
    sub["cancel_at_period_end"] = False
    sub["pending_update"] = None
    details = sub["cancellation_details"]
    details["reason"] = details["reason"] or reason
    world.store.put(sub)
    for invoice in world.store.all("invoice"):
        if invoicing.subscription_of(invoice) == sub["id"] and invoice["status"] in {"draft", "open"}:
            invoicing.give_up(world, invoice)
    world.emit("customer.subscription.deleted", sub)
    return sub


def expire_incomplete(world: World, sub: Body) -> None:
    """Give up a subscription whose first invoice was not paid in time."""
    invoice = world.store.find("invoice", sub["latest_invoice"])
    if invoice and invoice["status"] == "open":
        invoicing.void(world, invoice)
    with world.changing(sub, UPDATED):
        sub["status"] = "incomplete_expired"
        sub["ended_at"] = world.now(sub["test_clock"])


def pending_invoice(world: World, sub: Body) -> str | None:
    """Return the invoice on whose payment an update of the subscription waits."""
    return world.store.peek(sub["id"]).get("pending_invoice") if sub["pending_update"] else None


def apply_pending(world: World, sub: Body, invoice: Body) -> None:
    """Apply a pending update when its invoice is paid."""
    if not sub["pending_update"] or pending_invoice(world, sub) != invoice["id"]:
        return
    with world.changing(sub, UPDATED):
        sub["items"]["data"] = sub["pending_update"]["subscription_items"] or sub["items"]["data"]
        sub["billing_cycle_anchor"] = (
            sub["pending_update"]["billing_cycle_anchor"] or sub["billing_cycle_anchor"]
        )
        sub["pending_update"] = None
    world.emit("customer.subscription.pending_update_applied", sub)


def expire_pending(world: World, sub: Body) -> None:
    """Forget a pending update whose invoice was not paid in time."""
    invoice = world.store.find("invoice", pending_invoice(world, sub))
    with world.changing(sub, UPDATED):
        sub["pending_update"] = None
    if invoice and invoice["status"] == "open":
        invoicing.void(world, invoice)
    world.emit("customer.subscription.pending_update_expired", sub)


def announce_trial_end(world: World, sub: Body) -> None:
    """Tell three days before that a trial ends."""
    world.store.note(sub["id"])["announced"] = sub["trial_end"]
    world.emit("customer.subscription.trial_will_end", sub)


def resume_collection(world: World, sub: Body) -> None:
    """Collect invoices again."""
    with world.changing(sub, UPDATED):
        sub["pause_collection"] = None


def _charge_latest(world: World, sub: Body) -> None:
    invoice = world.store.find("invoice", sub["latest_invoice"])
    if invoice and invoice["status"] == "draft" and invoice["auto_advance"]:
        collect_draft(world, invoice)


def _trial_without_card(world: World, sub: Body) -> bool:
    customer = world.store.get("customer", sub["customer"])
    behavior = sub["trial_settings"]["end_behavior"]["missing_payment_method"]
    if behavior == "create_invoice" or charging.method_for(world, customer, sub["default_payment_method"]):
        return False
    if behavior == "cancel":
        end(world, sub, reason="payment_failed")
        return True
    with world.changing(sub, UPDATED):
        sub["status"] = "paused"
    world.emit("customer.subscription.paused", sub)
    return True


def _paused_collection(world: World, sub: Body, invoice: Body) -> None:
    behavior = (sub["pause_collection"] or {}).get("behavior")
    if behavior is None:
        return
    invoice["auto_advance"], invoice["automatically_finalizes_at"] = False, None
    world.store.put(invoice)
    if behavior in {"void", "mark_uncollectible"} and invoice["amount_due"]:
        invoicing.finalize(world, invoice)
        invoicing.void(world, invoice, "void" if behavior == "void" else "uncollectible")
