"""The pages, word by word: each folder has its ``view.py`` and its templates."""

from zpack.portal.pages.announcements.view import pages as announcements
from zpack.portal.pages.audit.view import pages as audit
from zpack.portal.pages.backups.view import pages as backups
from zpack.portal.pages.billing.view import pages as billing
from zpack.portal.pages.components.view import pages as components
from zpack.portal.pages.console.view import pages as console
from zpack.portal.pages.create.view import pages as create
from zpack.portal.pages.dashboard.view import pages as dashboard
from zpack.portal.pages.dev.view import pages as dev
from zpack.portal.pages.drift.view import pages as drift
from zpack.portal.pages.files.view import pages as files
from zpack.portal.pages.fleet.view import pages as fleet
from zpack.portal.pages.health.view import pages as health
from zpack.portal.pages.landing.view import pages as landing
from zpack.portal.pages.login.view import pages as login
from zpack.portal.pages.mods.view import pages as mods
from zpack.portal.pages.operations.view import pages as operations
from zpack.portal.pages.overview.view import pages as overview
from zpack.portal.pages.plans.view import pages as plans
from zpack.portal.pages.profile.view import pages as profile
from zpack.portal.pages.recovery.view import pages as recovery
from zpack.portal.pages.register.view import pages as register
from zpack.portal.pages.server.view import pages as server
from zpack.portal.pages.servers.view import pages as servers
from zpack.portal.pages.session.view import pages as session
from zpack.portal.pages.support.view import pages as support
from zpack.portal.pages.suspended.view import pages as suspended
from zpack.portal.pages.theme.view import pages as theme
from zpack.portal.pages.users.view import pages as users

WORDS = (
    landing, login, register, recovery, session, theme, suspended, dashboard, profile, billing, support,
    servers, create, server, console, files, backups, mods, dev,
    overview, announcements, audit, drift, fleet, health, operations, plans, users, components,
)  # fmt: skip
"""In the order of their routes: ``/servers/create`` comes before ``/servers/{id}``."""
