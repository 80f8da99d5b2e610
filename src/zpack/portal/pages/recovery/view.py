"""``/forgot-password``, ``/reset-password``, ``/verify-email``, ``/change-email``."""

from __future__ import annotations

from zpack.portal.routes import Pages

pages = Pages()
