"""``/servers/create``: a new server, and its phases."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
