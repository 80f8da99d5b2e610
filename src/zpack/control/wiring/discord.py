"""Constructs the client of the operator's Discord webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.outside.discord import Discord
from zpack.control.outside.http import ForeignHttp

if TYPE_CHECKING:
    from zpack.control.settings import Settings


def build_discord(settings: Settings) -> Discord | None:
    """Construct the webhook's client, when there is a webhook."""
    if settings.discord_webhook is None:
        return None
    webhook = settings.discord_webhook.get_secret_value()
    return Discord(webhook=webhook, http=ForeignHttp(name="Discord", connections=2))
