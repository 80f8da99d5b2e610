"""Constructs who is asking: tokens, sessions, keys, second factors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from zpack.control.accounts.actions import Accounts
from zpack.control.accounts.auth import Kind, TokenKinds, Tokens
from zpack.control.accounts.passwords import Passwords
from zpack.control.accounts.sessions import Sessions
from zpack.control.accounts.tickets import LIFE_SECONDS, Tickets
from zpack.control.administration.actions import Administration
from zpack.control.apikeys.actions import ApiKeys
from zpack.control.engine.limits import Rate, RateLimit
from zpack.control.entitlements.actions import Entitlements
from zpack.control.secondfactor.actions import SecondFactors
from zpack.control.secondfactor.sealing import Sealing
from zpack.control.wiring.recovery import build_proofs

if TYPE_CHECKING:
    from pydantic import SecretStr

    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients

CHALLENGE_SECONDS = 300
IDE_COOKIE_SECONDS = 12 * 3600
"""A working day; it is looked up with every request, so it ends sooner with the login."""
IDENTITY_RATES = {
    "confirm": Rate(10, 60),
    "login": Rate(10, 60),
    "login-account": Rate(60, 60),
    "login-address": Rate(120, 60),
    "refresh": Rate(60, 60),
    "register": Rate(30, 3600),
    "second-factor": Rate(10, 300),
    "second-factor-day": Rate(100, 86400),
    "ticket": Rate(120, 60),
}


@dataclass(frozen=True)
class Identity:
    """The rooms of who is asking."""

    accounts: Accounts
    administration: Administration
    apikeys: ApiKeys
    second_factors: SecondFactors
    sessions: Sessions


def build_tokens(settings: Settings) -> TokenKinds:
    """Construct every kind of token."""

    def tokens(kind: Kind, seconds: int, own: SecretStr | None = None) -> Tokens:
        secrets = _secrets(own or settings.auth_secret, settings.auth_secret_previous)
        return Tokens(kind=kind, secrets=secrets, life=timedelta(seconds=seconds))

    return TokenKinds(
        access=tokens("access", settings.auth_ttl),
        challenge=tokens("challenge", CHALLENGE_SECONDS),
        console=tokens("console", LIFE_SECONDS),
        ide=tokens("ide", settings.ide_ttl, settings.ide_secret),
        ide_cookie=tokens("ide_cookie", IDE_COOKIE_SECONDS, settings.ide_secret),
        refresh=tokens("refresh", settings.refresh_ttl, settings.refresh_secret),
    )


def build_identity(settings: Settings, clients: Clients) -> Identity:
    """Construct the rooms of who is asking."""
    database = clients.database
    limit = RateLimit(redis=clients.redis, rates=IDENTITY_RATES)
    tokens, apikeys = build_tokens(settings), ApiKeys(database=database)
    sessions = Sessions(database=database, tokens=tokens, limit=limit)
    accounts = Accounts(
        database=database,
        keys=apikeys,
        limit=limit,
        passwords=Passwords(memory_kib=settings.password_memory_kib, passes=settings.password_passes),
        sessions=sessions,
        tickets=Tickets(redis=clients.redis, tokens=tokens.console),
        tokens=tokens,
        welcome=build_proofs(settings).send_verification,
    )
    plans = Entitlements(
        database=database, billing=settings.billing_on, default_plan=settings.plan_by_default
    )
    sealing = Sealing(_secrets(settings.auth_secret, settings.auth_secret_previous))
    return Identity(
        accounts=accounts,
        administration=Administration(
            database=database, plan_of=plans.plan_name, billing=settings.billing_on
        ),
        apikeys=apikeys,
        second_factors=SecondFactors(database=database, accounts=accounts, limit=limit, sealing=sealing),
        sessions=sessions,
    )


def _secrets(present: SecretStr, previous: SecretStr | None) -> tuple[str, ...]:
    return tuple(each.get_secret_value() for each in (present, previous) if each is not None)
