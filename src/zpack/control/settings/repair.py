"""What is mended without being asked, and who is told (contract §14.2)."""

from __future__ import annotations

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings

from zpack.control.settings.field import BASE_URL, FROZEN, env

HIGHEST = 3


class RepairSettings(BaseSettings):
    """How far the repair goes by itself."""

    model_config = FROZEN

    repair_level: int = env("ZPACK_REPAIR_LEVEL", default=1)
    """0 observes, 1 mends records, 2 also restarts containers, 3 also deletes what is left over."""
    repair_dry_run: bool = env("ZPACK_REPAIR_DRY_RUN", default=False)
    """Whether repairs are only written down, and not made."""
    repair_seconds: float = env("ZPACK_REPAIR_SECONDS", default=60.0)
    """Seconds between two looks for drift."""
    repair_per_minute: int = env("ZPACK_REPAIR_PER_MINUTE", default=10)
    """Repairs in one minute at most."""
    discord_webhook: SecretStr | None = env("ZPACK_DISCORD_WEBHOOK", default=None)
    """Discord webhook that alarms are posted to; its URL is a credential."""

    @field_validator("repair_level")
    @classmethod
    def _a_level(cls, value: int) -> int:
        if not 0 <= value <= HIGHEST:
            msg = f"must be between 0 and {HIGHEST}"
            raise ValueError(msg)
        return value

    @field_validator("repair_per_minute")
    @classmethod
    def _some(cls, value: int) -> int:
        if value < 1:
            msg = "must be at least 1"
            raise ValueError(msg)
        return value

    @field_validator("repair_seconds")
    @classmethod
    def _a_rhythm(cls, value: float) -> float:
        if not 0 < value <= 86400:  # noqa: PLR2004 - a day
            msg = "must be above 0 and at most 86400"
            raise ValueError(msg)
        return value

    @field_validator("discord_webhook")
    @classmethod
    def _a_webhook(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if not BASE_URL.fullmatch(value.get_secret_value()):
            msg = "must begin with http:// or https:// and have no query"
            raise ValueError(msg)
        return value
