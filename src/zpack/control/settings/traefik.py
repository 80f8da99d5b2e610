"""Traefik, and the public ports of games that are not Minecraft (contract §6.5, §6.7, §13)."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from zpack.control.routing.models import parse_ranges
from zpack.control.settings.field import BASE_URL, FROZEN, at_least, env, words

TOKEN_MIN = 16


class TraefikSettings(BaseSettings):
    """How Traefik is told, and asked."""

    model_config = FROZEN

    port_ranges: str = env("ZPACK_PORT_RANGES", default="")
    """Public ports for games that are not Minecraft, such as ``30000-30999/tcp+udp,28015/udp``."""
    traefik_provider_token: SecretStr | None = env("TRAEFIK_PROVIDER_TOKEN", default=None)
    """Bearer with which Traefik's HTTP provider fetches its configuration here; at least 16 characters."""
    traefik_dynamic_dir: Path | None = env("TRAEFIK_DYNAMIC_DIR", default=None)
    """Directory of Traefik's file provider, instead of the HTTP provider."""
    traefik_api_url: str | None = env("TRAEFIK_API_URL", default=None)
    """Base URL of Traefik's own API, to see what it has taken up; without it nothing is verified."""
    traefik_api_authorization: SecretStr | None = env("TRAEFIK_API_AUTHORIZATION", default=None)
    """The whole ``Authorization`` header for that API."""
    traefik_service_urls: str = env("TRAEFIK_SERVICE_URLS", default="http://127.0.0.1:4000")
    """Base URLs, comma separated, where Traefik reaches this API for IDE hosts and its configuration."""
    traefik_web_entry_point: str = env("TRAEFIK_WEB_ENTRY_POINT", default="websecure")
    """Entry point that IDE hosts are served on."""
    traefik_cert_resolver: str | None = env("TRAEFIK_CERT_RESOLVER", default=None)
    """Traefik's resolver for the wildcard certificate of IDE hosts; without it its default certificate."""

    @field_validator("port_ranges")
    @classmethod
    def _are_ranges(cls, value: str) -> str:
        parse_ranges(value)
        return value

    @field_validator("traefik_provider_token")
    @classmethod
    def _token_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else at_least(value, TOKEN_MIN)

    @field_validator("traefik_service_urls", "traefik_api_url")
    @classmethod
    def _are_urls(cls, value: str | None) -> str | None:
        if value is not None and not all(BASE_URL.fullmatch(word) for word in words(value)):
            raise ValueError("must begin with http:// or https:// and have no query")
        return value or None

    @model_validator(mode="after")
    def _one_provider(self) -> Self:
        if self.traefik_provider_token is not None and self.traefik_dynamic_dir is not None:
            raise ValueError("TRAEFIK_PROVIDER_TOKEN and TRAEFIK_DYNAMIC_DIR exclude each other")
        return self

    @property
    def traefik_on(self) -> bool:
        """Whether there is a Traefik at all."""
        return self.traefik_provider_token is not None or self.traefik_dynamic_dir is not None
