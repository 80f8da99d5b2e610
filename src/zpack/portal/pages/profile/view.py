"""``/profile``: names, password, second factor, sessions, API keys."""

from __future__ import annotations

from zpack.portal.pages.profile.activity import pages as activity
from zpack.portal.pages.profile.identity import pages as identity
from zpack.portal.pages.profile.keys import pages as keys
from zpack.portal.pages.profile.safety import pages as safety
from zpack.portal.routes import Pages

pages = Pages()
pages.declared += [*identity.declared, *safety.declared, *keys.declared, *activity.declared]
