"""Stopping servers that nobody uses, and waking them."""

from __future__ import annotations

from pydantic_settings import BaseSettings

from zpack.control.settings.field import FROZEN, env


class IdleSettings(BaseSettings):
    """How idleness is judged; which servers are judged is up to plans and owners."""

    model_config = FROZEN

    idle_seconds: float = env("ZPACK_IDLE_SECONDS", default=5.0)
    """Seconds between two looks at who uses what."""
    idle_least_minutes: float = env("ZPACK_IDLE_LEAST_MINUTES", default=5.0)
    """The shortest time without use after which an owner may have a server stopped."""
    idle_grace_seconds: float = env("ZPACK_IDLE_GRACE_SECONDS", default=300.0)
    """A server that has just started counts as used for so long."""
    idle_wakes_per_hour: int = env("ZPACK_IDLE_WAKES_PER_HOUR", default=12)
    """How often strangers' joins may wake one server in an hour."""
