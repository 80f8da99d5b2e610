"""``/support``: ask us; and the tickets of an operator."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
