"""``/components``: every part in each of its states."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
