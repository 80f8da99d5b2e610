"""Constructs the links of publishing: the foreign systems that a server is published on.

Each system has a function of its own here, which returns no link when it is not configured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.opnsense import Opnsense
from zpack.control.outside.velocity import Velocity
from zpack.control.publishing.opnsense import OpnsenseLink
from zpack.control.publishing.velocity import VelocityLink
from zpack.control.wiring.names import build_names

if TYPE_CHECKING:
    from zpack.control.publishing.links import Link
    from zpack.control.settings import Settings


def build_links(settings: Settings) -> tuple[Link, ...]:
    """Construct every configured link; nothing is connected yet."""
    return (_velocity(settings), *build_names(settings), *_opnsense(settings))


def _opnsense(settings: Settings) -> tuple[Link, ...]:
    if not (settings.opnsense_url and settings.opnsense_key and settings.opnsense_secret):
        return ()
    client = Opnsense(
        base_url=settings.opnsense_url,
        key=settings.opnsense_key.get_secret_value(),
        secret=settings.opnsense_secret.get_secret_value(),
        seconds=settings.opnsense_timeout_ms / 1000,
        http=ForeignHttp(name="OPNsense", verify_tls=settings.opnsense_verify_tls, connections=4),
    )
    link = OpnsenseLink(
        opnsense=client, publish=settings.opnsense_publish, interface=settings.opnsense_interface
    )
    return (link,)


def _velocity(settings: Settings) -> Link:
    client = Velocity(
        base_url=settings.velocity_url,
        secret=settings.edge_secret.get_secret_value(),
        http=ForeignHttp(name="the game proxy"),
        seconds=settings.velocity_timeout_ms / 1000,
    )
    return VelocityLink(velocity=client)
