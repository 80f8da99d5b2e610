"""How an account stands, as one word that a page shows: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DOWN = {"suspended_shutdown", "retained"}
STATES = {"backup_blocked": "blocked", "suspended_shutdown": "suspended", "retained": "retained"}
STANDINGS = {
    "active": "active",
    "trialing": "trial",
    "past_due": "past_due",
    "overdue_warning": "overdue",
    "canceled": "ended",
    "none": "none",
}
TONES = {
    "off": "",
    "held": "bad",
    "exempt": "ok",
    "deletion": "bad",
    "retained": "bad",
    "suspended": "bad",
    "blocked": "bad",
    "overdue": "warn",
    "past_due": "warn",
    "pending": "warn",
    "ending": "warn",
    "trial": "accent",
    "active": "ok",
    "ended": "",
    "none": "",
}
OWING = {"past_due", "overdue", "blocked", "suspended", "retained", "deletion", "pending"}
CHANGEABLE = {"active", "trial"}
PAID = {"active", "trial", "exempt", "ending"}


def standing_of(billing: Mapping[str, Any]) -> str:
    """Return the word for what ``GET /api/billing`` says; the gravest first."""
    status, state = billing["status"], billing["serverBillingState"]
    if state in DOWN and status not in {"suspended", "retained", "pending_deletion"}:
        return "held"
    if status == "exempt":
        return "exempt"
    if not billing["enabled"]:
        return "off"
    if state == "allowed":
        return _of_subscription(billing, status)
    return "deletion" if status == "pending_deletion" else STATES[state]


def _of_subscription(billing: Mapping[str, Any], status: str) -> str:
    if status not in {"active", "trialing"}:
        return STANDINGS.get(status, "none")
    if billing["cancelAtPeriodEnd"]:
        return "ending"
    return "pending" if billing["paymentPending"] else STANDINGS[status]


def subscribed(billing: Mapping[str, Any]) -> bool:
    """Say whether there is a subscription that can be changed, rather than one to be bought."""
    return billing["periodEnd"] is not None


def way_to(billing: Mapping[str, Any], plan: Mapping[str, Any], *, paid: int) -> str:
    """Return how an account comes to a plan: by checkout, upgrade or downgrade; empty where it cannot."""
    own = billing["plan"]["id"] if billing["plan"] else None
    if not plan["forSale"] or billing["status"] == "exempt":
        return ""
    if not subscribed(billing):
        return "checkout"
    planned = (billing["pendingChange"] or {}).get("plan")
    if plan["id"] in {own, planned} or standing_of(billing) not in CHANGEABLE:
        return ""
    return "upgrade" if plan["priceCents"] > paid else "downgrade"


def limits_of(billing: Mapping[str, Any]) -> list[tuple[str, int | None, int | None]]:
    """Return each limit with what it allows (None: no limit) and what is used (None: not counted)."""
    return [(name, allowed, billing["usage"].get(name)) for name, allowed in billing["limits"].items()]
