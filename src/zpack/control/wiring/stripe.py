"""Constructs Stripe's client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.outside.stripe import Stripe

if TYPE_CHECKING:
    from zpack.control.settings import Settings


def build_stripe(settings: Settings) -> Stripe:
    """Construct Stripe's client; it loads nothing before its first call."""
    key = settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else None
    secrets = settings.stripe_webhook_secret.get_secret_value() if settings.stripe_webhook_secret else ""
    found = tuple(part for each in secrets.split(",") if (part := each.strip()))
    return Stripe(key=key or None, base_url=settings.stripe_api_base, webhook_secrets=found)
