"""Who hears of questions to support (contract §2.13)."""

from __future__ import annotations

from email.errors import HeaderParseError
from email.headerregistry import Address

from pydantic import field_validator
from pydantic_settings import BaseSettings

from zpack.control.settings.field import FROZEN, env


class SupportSettings(BaseSettings):
    """Support."""

    model_config = FROZEN

    support_email: str | None = env("SUPPORT_EMAIL", default=None)
    """Address that gets a mail for each question; without it they are read in the portal only."""

    @field_validator("support_email")
    @classmethod
    def _one_address(cls, value: str | None) -> str | None:
        if not value:
            return None
        try:
            Address(addr_spec=value)
        except (ValueError, IndexError, HeaderParseError) as failure:
            raise ValueError("must be one address, without a name") from failure
        return value
