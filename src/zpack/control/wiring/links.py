"""Constructs the links of publishing: the foreign systems that a server is published on.

Each system has a function of its own here, which returns no link when it is not configured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.velocity import Velocity
from zpack.control.publishing.velocity import VelocityLink
from zpack.control.wiring.traefik import build_traefik

if TYPE_CHECKING:
    from zpack.control.publishing.links import Link
    from zpack.control.settings import Settings


def build_links(settings: Settings) -> tuple[Link, ...]:
    """Construct every configured link; nothing is connected yet."""
    return (_velocity(settings), *build_traefik(settings))


def _velocity(settings: Settings) -> Link:
    client = Velocity(
        base_url=settings.velocity_url,
        secret=settings.edge_secret.get_secret_value(),
        http=ForeignHttp(name="the game proxy"),
    )
    return VelocityLink(velocity=client)
