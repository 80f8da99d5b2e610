"""Constructs the client of the Prometheus that charts are read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.prometheus import Prometheus

if TYPE_CHECKING:
    from zpack.control.settings import Settings


def build_prometheus(settings: Settings) -> Prometheus:
    """Construct it; without a URL it says that there is none."""
    token = settings.prometheus_token
    return Prometheus(
        base_url=settings.prometheus_url,
        token=token.get_secret_value() if token else None,
        http=ForeignHttp(name="Prometheus", connections=8),
    )
