"""Constructs the browser's way into dev containers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zpack.control.ide.actions import Addresses, Ide
from zpack.control.ide.admission import Admission
from zpack.control.ide.condition import Conditions
from zpack.control.ide.gate import Border
from zpack.control.ide.passages import Passages
from zpack.control.ide.places import Places
from zpack.control.ide.relay import IdeRelay
from zpack.control.instances.actions import Instances
from zpack.control.settings import words
from zpack.control.wiring.clients import build_stores
from zpack.control.wiring.identity import build_tokens

if TYPE_CHECKING:
    from zpack.control.accounts.actions import Accounts
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.ide.starting import Wake
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients


@dataclass(frozen=True)
class IdeDoor:
    """The room, and the parts of the gate before the application."""

    room: Ide
    places: Places
    admission: Admission
    relay: IdeRelay
    border: Border
    conditions: Conditions
    wake: Wake


def build_ide(
    settings: Settings, clients: Clients, accounts: Accounts, entitlements: Entitlements, *, wake: Wake
) -> IdeDoor:
    """Construct the room and its gate."""
    database, activities = clients.database, build_stores(clients).activities
    instances = Instances(database=database, token_for=clients.agents.token_for)
    origins = {urlsplit(origin).netloc.lower() for origin in words(settings.cors_origins)}
    places = Places(
        suffix=settings.ide_suffix,
        closed={settings.agent_port, settings.code_server_port},
        portals=origins,
        site=urlsplit(settings.portal_url).netloc.lower() if settings.portal_url else None,
    )
    admission = Admission(
        database=database,
        accounts=accounts,
        entitlements=entitlements,
        instances=instances,
        tokens=build_tokens(settings),
    )
    secure = settings.ide_secure_cookie or settings.ide_scheme == "https"
    addresses = Addresses(
        hosted=settings.ide_return_hosted,
        suffix=settings.ide_suffix,
        scheme=settings.ide_scheme,
        secure=secure,
        token_seconds=settings.ide_ttl,
    )
    border = Border(
        origins=frozenset(words(settings.ide_origins)),
        secure=secure,
        portal=settings.portal_url,
    )
    relay = IdeRelay(
        upstream=clients.ide,
        passages=Passages(
            database=database,
            accounts=accounts,
            entitlements=entitlements,
            instances=instances,
            activities=activities,
        ),
        ide_port=settings.code_server_port,
        activities=activities,
    )
    room = Ide(
        database=database,
        instances=instances,
        admission=admission,
        places=places,
        addresses=addresses,
        wake=wake,
    )
    return IdeDoor(
        room=room,
        places=places,
        admission=admission,
        relay=relay,
        border=border,
        conditions=Conditions(instances=instances, agents=clients.agents),
        wake=wake,
    )
