"""``/admin/drift``: what is not as it should be, its plan and its repair."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
