"""How an API process comes and goes."""

from __future__ import annotations

from pydantic_settings import BaseSettings

from zpack.control.settings.field import FROZEN, env

LONGEST_SECONDS = 3600


class ServingSettings(BaseSettings):
    """What a rolling restart needs."""

    model_config = FROZEN

    drain_seconds: float = env("ZPACK_DRAIN_SECONDS", default=0, ge=0, le=LONGEST_SECONDS)
    """Seconds for which a process that was told to stop goes on serving, while ``/api/ready`` says no."""
    grace_seconds: int = env("ZPACK_GRACE_SECONDS", default=5, ge=1, le=LONGEST_SECONDS)
    """Seconds that requests under way, such as uploads, have after that."""
