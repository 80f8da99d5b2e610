"""``/profile``: names, password, second factor, sessions, API keys."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
