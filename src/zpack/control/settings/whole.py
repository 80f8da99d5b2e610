"""Every setting of the API and the worker, read once; a wrong or missing value stops the start."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from pydantic import AliasChoices, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings

from zpack.control.settings.billing import BillingSettings
from zpack.control.settings.dns import DnsSettings
from zpack.control.settings.field import BASE_URL, SettingsError, at_least, env
from zpack.control.settings.ide import IdeSettings
from zpack.control.settings.idle import IdleSettings
from zpack.control.settings.mail import MailSettings
from zpack.control.settings.monitoring import MonitoringSettings
from zpack.control.settings.opnsense import OpnsenseSettings
from zpack.control.settings.passwords import PasswordSettings
from zpack.control.settings.proxmox import ProxmoxSettings
from zpack.control.settings.publishing import PublishingSettings
from zpack.control.settings.repair import RepairSettings
from zpack.control.settings.serving import ServingSettings
from zpack.control.settings.support import SupportSettings
from zpack.control.settings.traefik import TraefikSettings

Kind = TypeVar("Kind", bound=BaseSettings)
SECRET_MIN = 32
"""RFC 7518 §3.2: an HS256 key is at least as long as its hash."""
LIFE_MAX = 366 * 86400
LOCAL_ORIGINS = "http://localhost:3000"


class Settings(
    BillingSettings,
    DnsSettings,
    IdeSettings,
    IdleSettings,
    MailSettings,
    MonitoringSettings,
    OpnsenseSettings,
    PasswordSettings,
    ProxmoxSettings,
    PublishingSettings,
    RepairSettings,
    ServingSettings,
    SupportSettings,
    TraefikSettings,
):
    """Everything the API and the worker may be told."""

    host: str = env("HOST", default="127.0.0.1")
    """Address the API listens on."""
    port: int = env("PORT", default=4000)
    """Port the API listens on; 0 takes any free one."""
    database_url: SecretStr = env("DATABASE_URL")
    """PostgreSQL ≥ 15: ``postgresql://user:password@host/name``."""
    redis_url: SecretStr | None = env("REDIS_URL", default=None)
    """Redis or Valkey ≥ 6. Only ``serve --embedded`` can do without."""
    auth_secret: SecretStr = env("API_AUTH_SECRET")
    """Keys of all tokens are derived from it; at least 32 characters."""
    auth_secret_previous: SecretStr | None = env("API_AUTH_SECRET_PREVIOUS", default=None)
    """The secret before this one: it verifies tokens and opens authenticators, and signs nothing."""
    auth_ttl: int = env("API_AUTH_TTL_SECONDS", default=3600)
    """Life of an access token in seconds."""
    refresh_secret: SecretStr | None = env("API_AUTH_REFRESH_SECRET", default=None)
    """Secret of refresh tokens, instead of API_AUTH_SECRET."""
    refresh_ttl: int = env("API_AUTH_REFRESH_TTL_SECONDS", default=30 * 86400)
    """A session that is not used for so many seconds ends."""
    ide_secret: SecretStr | None = env("API_AUTH_IDE_SECRET", default=None)
    """Secret of IDE tokens, instead of API_AUTH_SECRET."""
    ide_ttl: int = env("API_AUTH_IDE_TTL_SECONDS", default=300)
    """Life of an IDE token in seconds."""
    trusted_proxies: str = env("ZPACK_TRUSTED_PROXIES", default="")
    """Addresses or networks, comma separated, of proxies whose X-Forwarded-For is believed."""
    admin_email: str = env("ZPACK_ADMIN_EMAIL", default="admin@localhost")
    """The first administrator."""
    admin_password: SecretStr | None = env("ZPACK_ADMIN_PASSWORD", default=None)
    """Its password; without one no administrator is created."""
    create_seconds: int = env("ZPACK_CREATE_SECONDS", default=900)
    """A create that takes longer fails and is undone."""
    delete_seconds: int = env("ZPACK_DELETE_SECONDS", default=900)
    """A delete that takes longer is reported as failed; it may be retried."""
    agent_port: int = env("ZLH_AGENT_PORT", default=18888)
    """Port of every agent."""
    agent_token: SecretStr | None = env("ZLH_AGENT_TOKEN", default=None)
    """One bearer for all agents; without it each gets its own."""
    agent_secret: SecretStr = env("ZPACK_AGENT_SECRET")
    """Key that agents' own tokens are derived from; at least 32 characters."""
    artifact_base_url: str = env("ARTIFACT_BASE_URL")
    """Base URL of the artifact server."""
    modrinth_api_base: str = env("MODRINTH_API_BASE", default="https://api.modrinth.com/v2")
    """Base URL of Modrinth's API, or of a mirror of it."""
    modrinth_user_agent: str = env("MODRINTH_USER_AGENT", default="zpack/0.1.0")
    """What we call ourselves there; Modrinth asks for a way to reach the operator in it."""
    modrinth_cdn: str = env("MODRINTH_CDN_ORIGINS", default="https://cdn.modrinth.com")
    """Origins, comma separated, that mods may be fetched from."""
    heartbeat_seconds: float = env("ZPACK_HEARTBEAT_SECONDS", default=5.0)
    """Seconds between two polls of an agent."""
    executor_id: str | None = env("ZPACK_WORKER_ID", default=None)
    """Name of this worker, the same after a restart; without it a random one."""
    cors_origins: str = env("ZPACK_CORS_ORIGINS", default=LOCAL_ORIGINS)
    """Origins, comma separated, whose pages may call the API."""
    reset_url_base: str | None = env("RESET_PASSWORD_URL_BASE", default=None)
    """Where links to a new password begin; without it at ``PORTAL_URL``."""
    portal_url: str | None = env("PORTAL_URL", default=None)
    """Base URL of the portal, for links in mail; by default ``http://localhost:3000``."""
    require_verified_email: bool = env("ZPACK_REQUIRE_VERIFIED_EMAIL", default=False)
    """Whether only accounts with a confirmed e-mail address may create servers."""
    log_level: str = env("LOG_LEVEL", default="INFO")
    """DEBUG, INFO, WARNING or ERROR."""

    @field_validator("auth_secret", "auth_secret_previous", "refresh_secret", "ide_secret", "agent_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else at_least(value, SECRET_MIN)

    @field_validator("auth_ttl", "refresh_ttl", "ide_ttl")
    @classmethod
    def _some_time(cls, value: int) -> int:
        if not 1 <= value <= LIFE_MAX:
            msg = f"must be between 1 and {LIFE_MAX} seconds"
            raise ValueError(msg)
        return value

    @field_validator("reset_url_base", "portal_url")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        if value and not BASE_URL.fullmatch(value):
            msg = "must begin with http:// or https:// and have no query"
            raise ValueError(msg)
        return value.rstrip("/") if value else None

    @property
    def create_budget(self) -> timedelta:
        """Time budget of a create."""
        return timedelta(seconds=self.create_seconds)

    @property
    def delete_budget(self) -> timedelta:
        """Time budget of a delete."""
        return timedelta(seconds=self.delete_seconds)


class TraefikPart(IdeSettings, TraefikSettings):
    """What Traefik's own configuration is made of; a machine that runs Traefik knows no more."""


def read_settings() -> Settings:
    """Read the environment. Raises SettingsError, which never repeats a value."""
    return _read(Settings)


def read_traefik() -> TraefikPart:
    """Read what concerns Traefik alone. Raises SettingsError."""
    return _read(TraefikPart)


def _read(kind: type[Kind]) -> Kind:
    try:
        return kind()
    except ValidationError as failure:
        wrong = [f"{'/'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in failure.errors()]
        raise SettingsError("; ".join(wrong)) from None


def names() -> dict[str, str]:
    """Return each environment variable with the setting it fills."""
    found: dict[str, str] = {}
    for field, info in Settings.model_fields.items():
        alias = info.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [field]
        found |= {str(choice): field for choice in choices}
    return found
