"""Constructs Stripe's client."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from zpack.control.outside.stripe import Stripe

if TYPE_CHECKING:
    from zpack.control.settings import Settings

log = logging.getLogger("zpack.billing")


def build_stripe(settings: Settings) -> Stripe:
    """Construct Stripe's client; it loads nothing before its first call."""
    key = settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else None
    secrets = settings.stripe_webhook_secret.get_secret_value() if settings.stripe_webhook_secret else ""
    found = tuple(part for each in secrets.split(",") if (part := each.strip()))
    if settings.billing_on and not found:
        log.warning("STRIPE_WEBHOOK_SECRET is not set: every webhook is refused")
    return Stripe(key=key or None, base_url=settings.stripe_api_base, webhook_secrets=found)
