"""What a setting is made of: its environment names and the checks that several share."""

from __future__ import annotations

import re
from typing import Any

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import SettingsConfigDict

FROZEN = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)
BASE_URL = re.compile(r"https?://[^\s?#@]+")


class SettingsError(Exception):
    """The environment is wrong; the text says what, in one line."""


def env(*names: str, default: Any = ..., **limits: Any) -> Any:
    """Return a field that is read from the first of these variables that is set."""
    return Field(default=default, validation_alias=AliasChoices(*names), **limits)


def words(text: str) -> tuple[str, ...]:
    """Return what stands between commas."""
    return tuple(word for part in text.split(",") if (word := part.strip()))


def at_least(value: SecretStr, length: int) -> SecretStr:
    """Return a secret that is long enough. Raises ValueError."""
    if len(value.get_secret_value()) < length:
        msg = f"must have at least {length} characters"
        raise ValueError(msg)
    return value
