"""Billing's own settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zpack.control.billing.ladder import Days

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class BillingSettings:
    """What an operator chose of billing."""

    enabled: bool
    default_plan: str
    success_url: str
    cancel_url: str
    portal_url: str
    prices: Mapping[str, str] = field(default_factory=dict[str, str])
    """Stripe's price of a plan, where the environment names one; else the plan's own row does."""
    days: Days = field(default_factory=Days)

    def price_of(self, plan: str, stored: str | None) -> str | None:
        """Return Stripe's price of a plan; None when it is not sold."""
        return self.prices.get(plan) or stored

    def plans_by_price(self, stored: Mapping[str, str | None]) -> dict[str, str]:
        """Return each of Stripe's prices with the plan that it buys."""
        found = {price: plan for plan, price in stored.items() if price}
        return found | {price: plan for plan, price in self.prices.items()}
