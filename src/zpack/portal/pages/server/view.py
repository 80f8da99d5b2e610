"""``/servers/{id}``: one server: overview, players, activity, settings."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
