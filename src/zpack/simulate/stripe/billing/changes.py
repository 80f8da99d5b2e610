"""Changes of a running subscription's items: what they cost now, and when they take effect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.billing import begin, charging, invoicing, lifecycle
from zpack.simulate.stripe.billing.calendar import HOUR, next_end
from zpack.simulate.stripe.billing.lines import Part, invoice_item, period_part, proration_parts
from zpack.simulate.stripe.errors import invalid
from zpack.simulate.stripe.store import copied

if TYPE_CHECKING:
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

PENDING_HOURS = 23


@dataclass
class Change:
    """The items as they will be, and what the change costs or gives back."""

    items: list[Body]
    parts: list[Part] = field(default_factory=list)
    restarts: bool = False
    anchor: int = 0


def plan(
    world: World, sub: Body, rows: list[dict[str, Any]], *, behavior: str, at: int, param: str = "items"
) -> Change:
    """Return what new items mean for a subscription, which is left alone. Raises ApiError."""
    items, pairs = _items(world, sub, rows, param, at)
    if not items:
        raise invalid("A subscription must have at least one active price.", param=param)
    old = sub["items"]["data"]
    restarts = _rhythm(items[0]) != _rhythm(old[0]) and sub["status"] != "trialing"
    change = Change(items, restarts=restarts, anchor=at if restarts else sub["billing_cycle_anchor"])
    if sub["status"] == "trialing":
        return change
    if behavior != "none" or restarts:
        for before, after in pairs:
            if before and before != after:
                halves = proration_parts(world, sub, before, None if restarts else after, at)
                change.parts += halves if behavior != "none" else []
            elif after and not before and not restarts:
                change.parts += proration_parts(world, sub, after, after, at)[1:]
    if restarts:
        for item in items:
            item["current_period_start"] = at
            item["current_period_end"] = next_end(at, item["price"]["recurring"], at)
        change.parts += [period_part(world, sub, item) for item in items]
    return change


def make(world: World, sub: Body, change: Change, *, behavior: str, payment: str, at: int) -> None:
    """Carry a change out: at once, or when its invoice is paid. Raises ApiError; then nothing has changed."""
    if not change.restarts and (behavior != "always_invoice" or not change.parts):
        _apply(world, sub, change)
        for part in change.parts:
            world.add(invoice_item(part, sub, at), "invoiceitem.created")
        return
    invoice = invoicing.of_subscription(world, sub, reason="subscription_update", at=at, parts=change.parts)
    if payment == "error_if_incomplete" and invoice["amount_due"]:
        expected = charging.outcome(world, sub["customer"], _method(world, sub))
        if expected.state != charging.PAID:
            raise expected.error()
    if payment == "pending_if_incomplete":
        _make_pending(world, sub, change, invoice, at)
        return
    _apply(world, sub, change, invoice)
    invoicing.keep(world, invoice)
    invoice["auto_advance"] = True
    _charge(world, sub, invoice, attempt=payment != "default_incomplete")


def _make_pending(world: World, sub: Body, change: Change, invoice: Body, at: int) -> None:
    with world.changing(sub, lifecycle.UPDATED):
        sub["latest_invoice"] = invoice["id"]
        sub["pending_update"] = {
            "billing_cycle_anchor": change.anchor if change.restarts else None,
            "expires_at": at + PENDING_HOURS * HOUR,
            "subscription_items": copied(change.items),
            "trial_end": None,
            "trial_from_plan": None,
        }
        world.store.note(sub["id"])["pending_invoice"] = invoice["id"]
    invoicing.keep(world, invoice)
    _charge(world, sub, invoice, attempt=True)


def _charge(world: World, sub: Body, invoice: Body, *, attempt: bool) -> None:
    invoicing.finalize(world, invoice)
    if invoice["status"] == "paid":
        lifecycle.settled(world, invoice, charging.Outcome(charging.PAID))
    elif attempt and sub["collection_method"] == "charge_automatically":
        lifecycle.pay(world, invoice)


def _apply(world: World, sub: Body, change: Change, invoice: Body | None = None) -> None:
    with world.changing(sub, lifecycle.UPDATED):
        sub["items"]["data"] = change.items
        sub["billing_cycle_anchor"] = change.anchor
        if invoice:
            sub["latest_invoice"] = invoice["id"]
        if sub["cancel_at_period_end"]:
            sub["cancel_at"] = change.items[0]["current_period_end"]


def _items(
    world: World, sub: Body, rows: list[dict[str, Any]], param: str, at: int
) -> tuple[list[Body], list[tuple[Body | None, Body | None]]]:
    """Return the items after the change, and each item's before and after."""
    items: dict[str, Body | None] = {item["id"]: copied(item) for item in sub["items"]["data"]}
    before = {item["id"]: item for item in sub["items"]["data"]}
    for number, row in enumerate(rows):
        ident, where = row.get("id"), f"{param}[{number}]"
        if ident is None:
            made = begin.new_item(world, sub["id"], row, where, at)
            made["current_period_start"] = sub["items"]["data"][0]["current_period_start"]
            made["current_period_end"] = sub["items"]["data"][0]["current_period_end"]
            items[made["id"]] = made
            continue
        item = items.get(ident)
        if item is None:
            raise invalid(
                f"No such subscription item: '{ident}'", param=f"{where}[id]", code="resource_missing"
            )
        if row.get("deleted"):
            items[ident] = None
            continue
        if row.get("price"):
            item["price"] = begin.new_item(world, sub["id"], row, where, at)["price"]
        if row.get("quantity") is not None:
            item["quantity"] = row["quantity"]
        if row.get("metadata"):
            item["metadata"] = {**item["metadata"], **row["metadata"]}
    left = [item for item in items.values() if item]
    return left, [(before.get(ident), item) for ident, item in items.items()]


def _rhythm(item: Body) -> tuple[str, int]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _method(world: World, sub: Body) -> Body | None:
    return charging.method_for(
        world, world.store.get("customer", sub["customer"]), sub["default_payment_method"]
    )
