"""Plans, Stripe and the ladder of unpaid accounts (contract §10, §13)."""

from __future__ import annotations

from typing import Self

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings

from zpack.control.settings.field import FROZEN, env

LONGEST_DAYS = 3650


class BillingSettings(BaseSettings):
    """How accounts are billed."""

    model_config = FROZEN

    default_plan: str | None = env("ZPACK_DEFAULT_PLAN", default=None)
    """Plan of accounts without one: by default ``free``, and ``unlimited`` while billing is off."""
    stripe_secret_key: SecretStr | None = env("STRIPE_SECRET_KEY", default=None)
    """Key of Stripe's API; without one billing is off."""
    stripe_webhook_secret: SecretStr | None = env("STRIPE_WEBHOOK_SECRET", default=None)
    """What Stripe signs events with; while it is being changed both, comma separated."""
    stripe_api_base: str | None = env("STRIPE_API_BASE", default=None)
    """Base URL of Stripe's API, or of ``zpack simulate stripe``."""
    stripe_price_starter: str | None = env("STRIPE_PRICE_STARTER", default=None)
    """Stripe's price of the plan ``starter``; without one that of the plan's own row."""
    stripe_price_pro: str | None = env("STRIPE_PRICE_PRO", default=None)
    """Stripe's price of the plan ``pro``, likewise."""
    stripe_price_performance: str | None = env("STRIPE_PRICE_PERFORMANCE", default=None)
    """Stripe's price of the plan ``performance``, likewise."""
    billing_success_url: str | None = env("BILLING_SUCCESS_URL", default=None)
    """Where Stripe sends who has paid; by default the portal's ``/billing?paid=1``."""
    billing_cancel_url: str | None = env("BILLING_CANCEL_URL", default=None)
    """Where Stripe sends who turned back; by default the portal's ``/billing``."""
    billing_warning_days: float = env("BILLING_WARNING_DAYS", default=0)
    """Days after a payment was due at which its customer is warned."""
    billing_final_warning_days: float = env("BILLING_FINAL_WARNING_DAYS", default=3)
    """Days after which they are warned for the last time."""
    billing_backup_block_days: float = env("BILLING_BACKUP_BLOCK_DAYS", default=5)
    """Days after which no more backups are made."""
    billing_suspend_days: float = env("BILLING_SUSPEND_DAYS", default=7)
    """Days after which servers are stopped."""
    billing_retain_days: float = env("BILLING_RETAIN_DAYS", default=30)
    """Days after which an account is merely kept; after as many again an administrator may delete it."""

    @model_validator(mode="after")
    def _webhooks_verified(self) -> Self:
        if self.billing_on and not (self.stripe_webhook_secret or SecretStr("")).get_secret_value().strip(
            " ,"
        ):
            raise ValueError(
                "STRIPE_SECRET_KEY needs STRIPE_WEBHOOK_SECRET: what Stripe tells is not believed"
            )
        return self

    @model_validator(mode="after")
    def _rungs_in_order(self) -> Self:
        days = (
            self.billing_warning_days,
            self.billing_final_warning_days,
            self.billing_backup_block_days,
            self.billing_suspend_days,
            self.billing_retain_days,
        )
        if not 0 <= days[0] <= days[1] <= days[2] <= days[3] <= days[4] <= LONGEST_DAYS:
            msg = "BILLING_*_DAYS must not fall from one step of the ladder to the next"
            raise ValueError(msg)
        return self

    @property
    def billing_on(self) -> bool:
        """Whether plans are sold; if not, everybody has the default plan."""
        return self.stripe_secret_key is not None and bool(self.stripe_secret_key.get_secret_value())

    @property
    def plan_by_default(self) -> str:
        """The plan of accounts without one."""
        return self.default_plan or ("free" if self.billing_on else "unlimited")
