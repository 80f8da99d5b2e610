"""Constructs the rooms in which people are spoken to: support and announcements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.announcements.actions import Announcements
from zpack.control.engine.limits import Rate, RateLimit
from zpack.control.support.actions import Support
from zpack.control.support.letters import SupportLetters
from zpack.control.wiring.clients import build_stores

if TYPE_CHECKING:
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients

LOCAL_PORTAL = "http://localhost:3000"
RATES = {
    "support": Rate(5, 3600),
    "support-address": Rate(20, 3600),
    "support-message": Rate(60, 3600),
}


def build_support(settings: Settings, clients: Clients) -> dict[str, Any]:
    """Construct both."""
    letters = SupportLetters(address=settings.support_email, portal=settings.portal_url or LOCAL_PORTAL)
    limit = RateLimit(redis=clients.redis, rates=RATES)
    return {
        "announcements": Announcements(database=clients.database),
        "support": Support(
            database=clients.database, limit=limit, letters=letters, changes=build_stores(clients).changes
        ),
    }
