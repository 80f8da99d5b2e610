"""``/billing``: standing, plan, and the way to Stripe."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from zpack.portal.api import Problem
from zpack.portal.pages.billing.standing import (
    OWING,
    PAID,
    TONES,
    limits_of,
    standing_of,
    subscribed,
    way_to,
)
from zpack.portal.routes import Pages

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.visit import Visit

pages = Pages()
HOME = "/billing"
WAYS = {"upgrade", "downgrade"}
LOOKS = 20
"""How often a page asks again whether a payment has been confirmed: every two seconds."""


@pages.get("/billing")
async def show(visit: Visit) -> Response:
    """Show standing, plan and offers."""
    return await _shown(visit)


@pages.get("/billing/confirming")
async def look_again(visit: Visit) -> Response:
    """Say whether the payment has been confirmed; the page asks until it has, or often enough."""
    billing = await visit.api.get("/api/billing")
    if standing_of(billing) in PAID:
        return visit.redirect(HOME, notice=visit.texts("Your payment is confirmed. Thank you!"))
    return visit.part("billing/confirming.html", looked=_looked(visit), looks=LOOKS)


@pages.post("/billing/checkout")
async def check_out(visit: Visit) -> Response:
    """Lead to the payment page."""
    asked = {"plan": visit.form.get("plan", "")}
    try:
        answer = await visit.api.post("/api/billing/checkout", asked, key=_key(visit))
    except Problem as problem:
        return await _shown(visit, problem)
    return _leaving(visit, answer["url"])


@pages.post("/billing/portal")
async def manage(visit: Visit) -> Response:
    """Lead to where cards and invoices are."""
    try:
        answer = await visit.api.post("/api/billing/portal")
    except Problem as problem:
        return await _shown(visit, problem)
    return _leaving(visit, answer["url"])


@pages.get("/billing/change")
async def ask_change(visit: Visit) -> Response:
    """Say what another plan would cost, or what would not fit it, and ask."""
    return await _asked(visit, visit.query.get("plan", ""))


@pages.post("/billing/change")
async def change(visit: Visit) -> Response:
    """Change the plan."""
    plan, way = visit.form.get("plan", ""), visit.form.get("way", "")
    if way not in WAYS:
        return visit.redirect(HOME)
    try:
        await visit.api.post(f"/api/billing/{way}", {"plan": plan}, key=_key(visit))
    except Problem as problem:
        return await _asked(visit, plan, problem)
    now = visit.texts("Your plan was changed.")
    later = visit.texts("Your plan changes when the paid period ends.")
    return visit.redirect(HOME, notice=now if way == "upgrade" else later)


@pages.get("/billing/cancel")
async def ask_cancel(visit: Visit) -> Response:
    """Ask whether to cancel."""
    return visit.page("billing/cancel.html", billing=await visit.api.get("/api/billing"))


@pages.post("/billing/cancel")
async def cancel(visit: Visit) -> Response:
    """End the subscription with its period."""
    try:
        await visit.api.post("/api/billing/cancel")
    except Problem as problem:
        return await _shown(visit, problem)
    return visit.redirect(HOME, notice=visit.texts("Your subscription ends with the paid period."))


@pages.post("/billing/resume")
async def resume(visit: Visit) -> Response:
    """Take a cancellation or a planned change back."""
    try:
        await visit.api.post("/api/billing/resume")
    except Problem as problem:
        return await _shown(visit, problem)
    return visit.redirect(HOME, notice=visit.texts("Your subscription goes on as it is."))


async def _shown(visit: Visit, problem: Problem | None = None) -> Response:
    """Show the page, after a refusal with its words."""
    billing = await visit.api.get("/api/billing")
    plans: list[dict[str, Any]] = (await visit.api.get("/api/billing/plans"))["plans"]
    paid = (billing["plan"] or {}).get("priceCents", 0)
    standing = standing_of(billing)
    return visit.page(
        "billing/billing.html",
        status=problem.status if problem else 200,
        problem=problem,
        billing=billing,
        plans=[(plan, way_to(billing, plan, paid=paid)) for plan in plans],
        limits=limits_of(billing),
        standing=standing,
        tone=TONES[standing],
        owing=standing in OWING,
        subscribed=subscribed(billing),
        confirming=bool(visit.query.get("paid")) and standing not in PAID,
        looked=_looked(visit),
        looks=LOOKS,
        key=secrets.token_urlsafe(12),
    )


async def _asked(visit: Visit, plan: str, problem: Problem | None = None) -> Response:
    """Ask about a change with its price; what is refused already when looking is said the same way."""
    billing = await visit.api.get("/api/billing")
    plans = {each["id"]: each for each in (await visit.api.get("/api/billing/plans"))["plans"]}
    paid = (billing["plan"] or {}).get("priceCents", 0)
    way = way_to(billing, plans[plan], paid=paid) if plan in plans else ""
    if way not in WAYS:
        return visit.redirect(HOME, notice=visit.texts("This plan cannot be chosen now."), tone="warn")
    preview: dict[str, Any] | None = None
    try:
        preview = await visit.api.call(
            "POST", f"/api/billing/{way}", query={"dryRun": True}, body={"plan": plan}
        )
    except Problem as refusal:
        problem = problem or refusal
    return visit.page(
        "billing/change.html",
        status=problem.status if problem else 200,
        problem=problem,
        billing=billing,
        plan=plans[plan],
        way=way,
        preview=preview,
        key=secrets.token_urlsafe(12),
    )


def _leaving(visit: Visit, address: str) -> Response:
    """Lead out by a page of ours: ``form-action 'self'`` forbids a form's answer to redirect elsewhere."""
    if urlsplit(address).scheme not in {"http", "https"}:
        raise Problem(502, {"error": "bad_address", "message": visit.texts("The payment page is not there.")})
    return visit.page("billing/going.html", address=address)


def _looked(visit: Visit) -> int:
    told = visit.query.get("paid", "0")
    return (
        min(int(told), LOOKS) if told.isascii() and told.isdigit() and len(told) <= len(str(LOOKS)) else LOOKS
    )


def _key(visit: Visit) -> str | None:
    return visit.form.get("key") or None
