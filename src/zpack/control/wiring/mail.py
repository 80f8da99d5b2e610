"""Constructs mail: the outbox' poller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.periodic import Periodic
from zpack.control.mail.letters import Letters
from zpack.control.mail.poller import Delivery

if TYPE_CHECKING:
    from zpack.control.settings import Settings
    from zpack.control.wiring.clients import Clients

DELIVER_SECONDS = 1.0
FORGET_SECONDS = 3600.0


def build_delivery(settings: Settings, clients: Clients) -> Delivery:
    """Construct the outbox' poller."""
    return Delivery(
        database=clients.database,
        letters=Letters(brand=settings.brand),
        roads=clients.mail,
        sender=settings.sender,
    )


def build_mail(settings: Settings, clients: Clients) -> tuple[Periodic, ...]:
    """Construct what a worker does for mail."""
    delivery = build_delivery(settings, clients)
    return (
        Periodic(name="mail", every=DELIVER_SECONDS, tick=delivery.tick, cap=30.0),
        Periodic(name="mail-memory", every=FORGET_SECONDS, tick=delivery.forget, cap=FORGET_SECONDS),
    )
