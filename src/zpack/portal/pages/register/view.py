"""``/register``: an account, and the first steps."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
