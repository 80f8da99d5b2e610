"""``/account-suspended``: why, and the way back."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
