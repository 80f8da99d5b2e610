"""Constructs the room of passwords and confirmed addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.limits import Rate, RateLimit
from zpack.control.engine.periodic import Periodic
from zpack.control.recovery.actions import Recovery
from zpack.control.recovery.poller import ResetRequests
from zpack.control.recovery.proofs import Links, Proofs

if TYPE_CHECKING:
    from zpack.control.accounts.actions import Accounts
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients

LOCAL_PORTAL = "http://localhost:3000"
ANSWER_SECONDS = 1.0
FORGET_SECONDS = 3600.0
RATES = {
    "change-email": Rate(5, 3600),
    "change-password": Rate(10, 60),
    "change-password-account": Rate(60, 60),
    "reset": Rate(5, 3600),
    "reset-address": Rate(60, 3600),
    "token": Rate(60, 60),
    "verification": Rate(5, 3600),
}


def build_proofs(settings: Settings) -> Proofs:
    """Construct what mails tokens; links begin where row S82 says."""
    portal = settings.portal_url or LOCAL_PORTAL
    return Proofs(links=Links(reset_base=settings.reset_url_base or portal, portal=portal))


def build_recovery(settings: Settings, clients: Clients, accounts: Accounts) -> Recovery:
    """Construct the recovery room."""
    return Recovery(
        database=clients.database,
        accounts=accounts,
        proofs=build_proofs(settings),
        limit=RateLimit(redis=clients.redis, rates=RATES),
    )


def build_reset_requests(settings: Settings, clients: Clients) -> tuple[Periodic, ...]:
    """Construct what a worker does for the room."""
    requests = ResetRequests(database=clients.database, proofs=build_proofs(settings))
    return (
        Periodic(name="reset-requests", every=ANSWER_SECONDS, tick=requests.tick, cap=30.0),
        Periodic(name="mailed-tokens", every=FORGET_SECONDS, tick=requests.forget, cap=FORGET_SECONDS),
    )
