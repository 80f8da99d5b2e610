"""``/billing``: standing, plan, and the way to Stripe."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
