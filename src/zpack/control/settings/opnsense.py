"""The router that ports are forwarded on (contract §6.6, §13)."""

from __future__ import annotations

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings

from zpack.control.settings.field import BASE_URL, FROZEN, env


class OpnsenseSettings(BaseSettings):
    """OPNsense; without an address it does not exist."""

    model_config = FROZEN

    opnsense_url: str | None = env("OPNSENSE_API_URL", default=None)
    """Base URL of its API, such as ``https://router.example.net/api``."""
    opnsense_key: SecretStr | None = env("OPNSENSE_API_KEY", default=None)
    """Key of a user who may edit port forwards, aliases and rules."""
    opnsense_secret: SecretStr | None = env("OPNSENSE_API_SECRET", default=None)
    """The key's secret."""
    opnsense_timeout_ms: int = env("OPNSENSE_TIMEOUT_MS", default=10000)
    """Milliseconds that one of its calls may take."""
    opnsense_verify_tls: bool = env("OPNSENSE_VERIFY_TLS", default=True)
    """Whether its certificate is checked."""
    opnsense_publish: bool = env("OPNSENSE_PUBLISH", default=False)
    """Whether ports of games other than Minecraft are forwarded; otherwise only its health is asked."""
    opnsense_interface: str = env("OPNSENSE_INTERFACE", default="wan")
    """Interface that players come in by."""

    @field_validator("opnsense_url")
    @classmethod
    def _opnsense_url_is_one(cls, value: str | None) -> str | None:
        if value and not BASE_URL.fullmatch(value):
            msg = "must begin with http:// or https:// and have no query"
            raise ValueError(msg)
        return value.rstrip("/") if value else None
