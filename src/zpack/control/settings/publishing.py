"""The edge that servers are published on (contract §6, §13)."""

from __future__ import annotations

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings

from zpack.control.settings.field import FROZEN, at_least, env

SHARED_MIN = 16


class PublishingSettings(BaseSettings):
    """Where players connect."""

    model_config = FROZEN

    velocity_url: str = env("VELOCITY_URL")
    """Base URL of the bridge, or of ``zpack edge``'s registry."""
    velocity_timeout_ms: int = env("VELOCITY_TIMEOUT_MS", default=5000)
    """Milliseconds that one of its calls may take."""
    edge_secret: SecretStr = env("ZPACK_SECRET", "ZPACK_SHARED_SECRET")
    """Secret shared with the bridge or edge."""
    game_domain: str = env("GAME_DOMAIN", default="zpack.localhost")
    """Domain below which servers get their names."""
    edge_public_port: int = env("EDGE_PUBLIC_PORT", default=25565, ge=1, le=65535)
    """Port at which Minecraft's players reach the game proxy."""
    edge_seconds: float = env("ZPACK_EDGE_SECONDS", default=2.0)
    """Seconds between two comparisons of the edge with what is published."""

    @field_validator("edge_secret")
    @classmethod
    def _shared_long_enough(cls, value: SecretStr) -> SecretStr:
        return at_least(value, SHARED_MIN)
