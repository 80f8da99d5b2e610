"""``/servers/{id}/dev``: the IDE, ports and the idle timer of a dev container."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
