"""``/admin/health``: every foreign system."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
