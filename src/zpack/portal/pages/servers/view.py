"""``/servers``: all of one's servers, live."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
