"""``/admin/announcements``: what everybody is told."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
