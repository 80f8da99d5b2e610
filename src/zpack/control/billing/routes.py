"""``/api/billing`` (contract §2.8) and what administrators see of it."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request

from zpack.control.accounts.access import PUBLIC, Admin, SignedIn
from zpack.control.billing.actions import Billing
from zpack.control.billing.ledger import Ledger
from zpack.control.billing.models import ExemptBody, PlanBody
from zpack.control.billing.webhook import Webhook
from zpack.control.replays.header import Key

router = APIRouter(prefix="/api", tags=["billing"])


async def billing(request: Request) -> Billing:
    """Return the room's actions."""
    return cast("Billing", request.app.state.billing)


async def ledger(request: Request) -> Ledger:
    """Return what operators look at."""
    return cast("Ledger", request.app.state.billing_ledger)


Room = Annotated[Billing, Depends(billing)]
Books = Annotated[Ledger, Depends(ledger)]
DryRun = Annotated[bool, Query(alias="dryRun")]


@router.get("/billing")
@router.get("/billing/current")
async def current(user: SignedIn, room: Room) -> dict[str, Any]:
    """Say what the account has, pays and may."""
    return await room.offers.current(user)


@router.get("/billing/plans", dependencies=PUBLIC)
async def plans(room: Room) -> dict[str, Any]:
    """List the plans, for sale or not."""
    return {"enabled": room.settings.enabled, "plans": await room.offers.plans()}


@router.post("/billing/checkout")
async def checkout(body: PlanBody, user: SignedIn, room: Room, key: Key = None) -> dict[str, Any]:
    """Begin to pay: the address of a hosted checkout."""
    return {"url": await room.checkout(user, body.plan, key=key)}


@router.post("/billing/upgrade")
async def upgrade(
    *, body: PlanBody, user: SignedIn, room: Room, key: Key = None, dry_run: DryRun = False
) -> dict[str, Any]:
    """Change to a dearer plan now, or say what that would cost."""
    return await room.upgrade(user, body.plan, key=key, dry_run=dry_run)


@router.post("/billing/downgrade")
async def downgrade(
    *, body: PlanBody, user: SignedIn, room: Room, key: Key = None, dry_run: DryRun = False
) -> dict[str, Any]:
    """Change to a cheaper plan with the period's end, or say what would not fit."""
    return await room.downgrade(user, body.plan, key=key, dry_run=dry_run)


@router.post("/billing/cancel")
async def cancel(user: SignedIn, room: Room, key: Key = None) -> dict[str, Any]:
    """End the subscription with the period that is paid for."""
    return await room.end(user, cancel=True, key=key)


@router.post("/billing/resume")
async def resume(user: SignedIn, room: Room, key: Key = None) -> dict[str, Any]:
    """Take back a cancellation or a planned change."""
    return await room.end(user, cancel=False, key=key)


@router.post("/billing/portal")
async def portal(user: SignedIn, room: Room) -> dict[str, Any]:
    """Return the address of the billing portal."""
    return {"url": await room.portal(user)}


@router.post("/billing/webhook", dependencies=PUBLIC)
async def webhook(request: Request) -> dict[str, Any]:
    """Store an event of Stripe's; the signature is over the raw body, so nothing parses it before."""
    room = cast("Webhook", request.app.state.billing_webhook)
    await room.receive(await request.body(), request.headers.get("stripe-signature"))
    return {"received": True}


@router.put("/admin/billing/{user_id}/exempt")
async def exempt(user_id: str, body: ExemptBody, admin: Admin, room: Room) -> dict[str, Any]:
    """Free an account from paying, or no longer."""
    await room.exempt(admin, user_id, exempt=body.exempt)
    return {"ok": True, "exempt": body.exempt}


@router.get("/admin/billing/events")
async def events(admin: Admin, books: Books) -> dict[str, Any]:
    """List the events that could not be acted on."""
    del admin
    return {"events": await books.failing()}


@router.get("/admin/billing/ledger")
async def compare(admin: Admin, books: Books) -> dict[str, Any]:
    """Compare who pays with who has servers."""
    del admin
    return await books.compare()
