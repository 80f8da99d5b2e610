"""Settings from the environment, read once (contract §13). A wrong or missing value stops the start."""

from __future__ import annotations

import re
from datetime import timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import getaddresses
from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from zpack.wire.agent import CODE_SERVER_PORT

SECRET_MIN = 32
"""RFC 7518 §3.2: an HS256 key is at least as long as its hash."""
SHARED_MIN = 16
LIFE_MAX = 366 * 86400
BASE_URL = re.compile(r"https?://[^\s?#@]+")
SUFFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[1-9][0-9]{0,4})?")
LONGEST_DAYS = 3650
LOCAL_ORIGINS = "http://localhost:3000"


class SettingsError(Exception):
    """The environment is wrong; the text says what, in one line."""


def _env(*names: str, default: Any = ...) -> Any:
    return Field(default=default, validation_alias=AliasChoices(*names))


class Settings(BaseSettings):
    """Everything the API and the worker may be told."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    host: str = _env("HOST", default="127.0.0.1")
    """Address the API listens on."""
    port: int = _env("PORT", default=4000)
    """Port the API listens on; 0 takes any free one."""
    database_url: SecretStr = _env("DATABASE_URL")
    """PostgreSQL ≥ 15: ``postgresql://user:password@host/name``."""
    redis_url: SecretStr | None = _env("REDIS_URL", default=None)
    """Redis or Valkey ≥ 6. Only ``serve --embedded`` can do without."""
    auth_secret: SecretStr = _env("API_AUTH_SECRET")
    """Keys of all tokens are derived from it; at least 32 characters."""
    auth_secret_previous: SecretStr | None = _env("API_AUTH_SECRET_PREVIOUS", default=None)
    """The secret before this one: it verifies tokens and opens authenticators, and signs nothing."""
    auth_ttl: int = _env("API_AUTH_TTL_SECONDS", default=3600)
    """Life of an access token in seconds."""
    refresh_secret: SecretStr | None = _env("API_AUTH_REFRESH_SECRET", default=None)
    """Secret of refresh tokens, instead of API_AUTH_SECRET."""
    refresh_ttl: int = _env("API_AUTH_REFRESH_TTL_SECONDS", default=30 * 86400)
    """A session that is not used for so many seconds ends."""
    ide_secret: SecretStr | None = _env("API_AUTH_IDE_SECRET", default=None)
    """Secret of IDE tokens, instead of API_AUTH_SECRET."""
    ide_ttl: int = _env("API_AUTH_IDE_TTL_SECONDS", default=300)
    """Life of an IDE token in seconds."""
    trusted_proxies: str = _env("ZPACK_TRUSTED_PROXIES", default="")
    """Addresses or networks, comma separated, of proxies whose X-Forwarded-For is believed."""
    admin_email: str = _env("ZPACK_ADMIN_EMAIL", default="admin@localhost")
    """The first administrator."""
    admin_password: SecretStr | None = _env("ZPACK_ADMIN_PASSWORD", default=None)
    """Its password; without one no administrator is created."""
    proxmox_host: str = _env("PROXMOX_HOST")
    """Base URL of the Proxmox API, such as ``https://pve:8006``."""
    proxmox_node: str = _env("PROXMOX_NODE")
    """Node that new containers are cloned on."""
    proxmox_token: SecretStr = _env("PROXMOX_API_TOKEN", "PVE_API_TOKEN", "PVEAPITOKEN")
    """``USER@REALM!TOKENID=SECRET``."""
    proxmox_verify_tls: bool = _env("PROXMOX_VERIFY_TLS", default=True)
    """Whether Proxmox's certificate is checked."""
    proxmox_storage: str | None = _env("PROXMOX_STORAGE", "PROXMOX_DEFAULT_STORAGE", default="zlh-thin")
    """Storage of clones."""
    proxmox_pool: str | None = _env("PROXMOX_POOL", default=None)
    """Resource pool of clones."""
    template_vmid: int = _env(
        "AGENT_TEMPLATE_VMID", "BASE_TEMPLATE_VMID", "PROXMOX_AGENT_TEMPLATE_VMID", default=820
    )
    """Template that is cloned."""
    bridge: str = _env("ZPACK_GAME_BRIDGE", default="vmbr3")
    """Network bridge of game containers."""
    dev_bridge: str = _env("ZPACK_DEV_BRIDGE", default="vmbr2")
    """Network bridge of dev containers."""
    clone_width: int = _env("ZPACK_CLONE_WIDTH", default=1)
    """Clones at once per node and storage."""
    create_seconds: int = _env("ZPACK_CREATE_SECONDS", default=900)
    """A create that takes longer fails and is undone."""
    delete_seconds: int = _env("ZPACK_DELETE_SECONDS", default=900)
    """A delete that takes longer is reported as failed; it may be retried."""
    agent_port: int = _env("ZLH_AGENT_PORT", default=18888)
    """Port of every agent."""
    agent_token: SecretStr | None = _env("ZLH_AGENT_TOKEN", default=None)
    """One bearer for all agents; without it each gets its own."""
    agent_secret: SecretStr = _env("ZPACK_AGENT_SECRET")
    """Key that agents' own tokens are derived from; at least 32 characters."""
    velocity_url: str = _env("VELOCITY_URL")
    """Base URL of the bridge, or of ``zpack edge``'s registry."""
    edge_secret: SecretStr = _env("ZPACK_SECRET", "ZPACK_SHARED_SECRET")
    """Secret shared with the bridge or edge."""
    artifact_base_url: str = _env("ARTIFACT_BASE_URL")
    """Base URL of the artifact server."""
    modrinth_api_base: str = _env("MODRINTH_API_BASE", default="https://api.modrinth.com/v2")
    """Base URL of Modrinth's API, or of a mirror of it."""
    modrinth_user_agent: str = _env("MODRINTH_USER_AGENT", default="zpack/0.1.0")
    """What we call ourselves there; Modrinth asks for a way to reach the operator in it."""
    modrinth_cdn: str = _env("MODRINTH_CDN_ORIGINS", default="https://cdn.modrinth.com")
    """Origins, comma separated, that mods may be fetched from."""
    default_plan: str | None = _env("ZPACK_DEFAULT_PLAN", default=None)
    """Plan of accounts without one: by default ``free``, and ``unlimited`` while billing is off."""
    stripe_secret_key: SecretStr | None = _env("STRIPE_SECRET_KEY", default=None)
    """Key of Stripe's API; without one billing is off."""
    stripe_webhook_secret: SecretStr | None = _env("STRIPE_WEBHOOK_SECRET", default=None)
    """What Stripe signs events with; while it is being changed both, comma separated."""
    stripe_api_base: str | None = _env("STRIPE_API_BASE", default=None)
    """Base URL of Stripe's API, or of ``zpack simulate stripe``."""
    stripe_price_starter: str | None = _env("STRIPE_PRICE_STARTER", default=None)
    """Stripe's price of the plan ``starter``; without one that of the plan's own row."""
    stripe_price_pro: str | None = _env("STRIPE_PRICE_PRO", default=None)
    """Stripe's price of the plan ``pro``, likewise."""
    stripe_price_performance: str | None = _env("STRIPE_PRICE_PERFORMANCE", default=None)
    """Stripe's price of the plan ``performance``, likewise."""
    billing_success_url: str | None = _env("BILLING_SUCCESS_URL", default=None)
    """Where Stripe sends who has paid; by default the portal's ``/billing?paid=1``."""
    billing_cancel_url: str | None = _env("BILLING_CANCEL_URL", default=None)
    """Where Stripe sends who turned back; by default the portal's ``/billing``."""
    billing_warning_days: float = _env("BILLING_WARNING_DAYS", default=0)
    """Days after a payment was due at which its customer is warned."""
    billing_final_warning_days: float = _env("BILLING_FINAL_WARNING_DAYS", default=3)
    """Days after which they are warned for the last time."""
    billing_backup_block_days: float = _env("BILLING_BACKUP_BLOCK_DAYS", default=5)
    """Days after which no more backups are made."""
    billing_suspend_days: float = _env("BILLING_SUSPEND_DAYS", default=7)
    """Days after which servers are stopped."""
    billing_retain_days: float = _env("BILLING_RETAIN_DAYS", default=30)
    """Days after which an account is merely kept; after as many again an administrator may delete it."""
    game_domain: str = _env("GAME_DOMAIN", default="zpack.localhost")
    """Domain below which servers get their names."""
    heartbeat_seconds: float = _env("ZPACK_HEARTBEAT_SECONDS", default=5.0)
    """Seconds between two polls of an agent."""
    edge_seconds: float = _env("ZPACK_EDGE_SECONDS", default=2.0)
    """Seconds between two comparisons of the edge with what is published."""
    executor_id: str | None = _env("ZPACK_WORKER_ID", default=None)
    """Name of this worker, the same after a restart; without it a random one."""
    cors_origins: str = _env("ZPACK_CORS_ORIGINS", default=LOCAL_ORIGINS)
    """Origins, comma separated, whose pages may call the API."""
    smtp_host: str | None = _env("SMTP_HOST", default=None)
    """Mail server; without it and without Resend mail goes to the log, for local development."""
    smtp_port: int | None = _env("SMTP_PORT", default=None)
    """Its port; 465 when ``SMTP_SECURE``, else 587."""
    smtp_secure: bool = _env("SMTP_SECURE", default=False)
    """TLS from the first byte; otherwise STARTTLS where the server offers it."""
    smtp_user: str | None = _env("SMTP_USER", default=None)
    """Whom we log in as there; without one we do not."""
    smtp_pass: SecretStr | None = _env("SMTP_PASS", default=None)
    """Its password; never sent in clear over a network."""
    mail_from: str = _env("MAIL_FROM", default="ZeroLag Hub Support <support@zerolaghub.com>")
    """Sender of all mail: ``Name <address>``."""
    resend_key: SecretStr | None = _env("RESEND_API_KEY", default=None)
    """Key of Resend, which takes what the mail server does not."""
    resend_api_base: str = _env("RESEND_API_BASE", default="https://api.resend.com")
    """Base URL of Resend's API."""
    reset_url_base: str | None = _env("RESET_PASSWORD_URL_BASE", default=None)
    """Where links to a new password begin; without it at ``PORTAL_URL``."""
    portal_url: str | None = _env("PORTAL_URL", default=None)
    """Base URL of the portal, for links in mail; by default ``http://localhost:3000``."""
    require_verified_email: bool = _env("ZPACK_REQUIRE_VERIFIED_EMAIL", default=False)
    """Whether only accounts with a confirmed e-mail address may create servers."""
    code_server_port: int = _env("ZLH_CODE_SERVER_PORT", default=CODE_SERVER_PORT)
    """Port of the IDE in every dev container."""
    ide_return_hosted: bool = _env("DEV_IDE_RETURN_HOSTED_URL", default=False)
    """Whether ``ide-token`` returns the address by host name; else the path."""
    ide_suffix: str | None = _env("DEV_IDE_HOST_SUFFIX", default=None)
    """Domain, with a port when it is not the scheme's, below which only IDEs and forwarded ports live."""
    ide_scheme: Literal["http", "https"] = _env("DEV_IDE_PUBLIC_SCHEME", default="http")
    """Scheme that browsers use; with https the IDE's cookies are Secure."""
    ide_secure_cookie: bool = _env("ZPACK_IDE_SECURE_COOKIE", default=False)
    """Whether the IDE's cookies are Secure whatever the scheme."""
    ide_origins: str = _env("DEV_IDE_ORIGINS", default="")
    """Origins, comma separated, whose pages may write to IDEs beside the IDE's own."""
    log_level: str = _env("LOG_LEVEL", default="INFO")
    """DEBUG, INFO, WARNING or ERROR."""

    @field_validator("auth_secret", "auth_secret_previous", "refresh_secret", "ide_secret", "agent_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else _at_least(value, SECRET_MIN)

    @field_validator("auth_ttl", "refresh_ttl", "ide_ttl")
    @classmethod
    def _some_time(cls, value: int) -> int:
        if not 1 <= value <= LIFE_MAX:
            msg = f"must be between 1 and {LIFE_MAX} seconds"
            raise ValueError(msg)
        return value

    @field_validator("ide_suffix")
    @classmethod
    def _is_suffix(cls, value: str | None) -> str | None:
        if value and not SUFFIX.fullmatch(value):
            raise ValueError("must be a lower-case domain, with a port if need be")
        return value or None

    @model_validator(mode="after")
    def _hosted_somewhere(self) -> Self:
        if self.ide_return_hosted and self.ide_suffix is None:
            raise ValueError("DEV_IDE_RETURN_HOSTED_URL needs DEV_IDE_HOST_SUFFIX")
        return self

    @model_validator(mode="after")
    def _webhooks_verified(self) -> Self:
        if self.billing_on and not (self.stripe_webhook_secret or SecretStr("")).get_secret_value().strip(
            " ,"
        ):
            raise ValueError(
                "STRIPE_SECRET_KEY needs STRIPE_WEBHOOK_SECRET: what Stripe tells is not believed"
            )
        return self

    @field_validator("edge_secret")
    @classmethod
    def _shared_long_enough(cls, value: SecretStr) -> SecretStr:
        return _at_least(value, SHARED_MIN)

    @field_validator("mail_from")
    @classmethod
    def _one_sender(cls, value: str) -> str:
        try:
            ((name, address),) = getaddresses([value])
            Address(name, addr_spec=address)
        except (ValueError, IndexError, HeaderParseError) as failure:
            msg = "must be one address, or Name <address>"
            raise ValueError(msg) from failure
        return value

    @field_validator("reset_url_base", "portal_url")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        if value and not BASE_URL.fullmatch(value):
            msg = "must begin with http:// or https:// and have no query"
            raise ValueError(msg)
        return value.rstrip("/") if value else None

    @model_validator(mode="after")
    def _rungs_in_order(self) -> Settings:
        days = (
            self.billing_warning_days,
            self.billing_final_warning_days,
            self.billing_backup_block_days,
            self.billing_suspend_days,
            self.billing_retain_days,
        )
        if not 0 <= days[0] <= days[1] <= days[2] <= days[3] <= days[4] <= LONGEST_DAYS:
            msg = "BILLING_*_DAYS must not fall from one step of the ladder to the next"
            raise ValueError(msg)
        return self

    @property
    def billing_on(self) -> bool:
        """Whether plans are sold; if not, everybody has the default plan."""
        return self.stripe_secret_key is not None and bool(self.stripe_secret_key.get_secret_value())

    @property
    def plan_by_default(self) -> str:
        """The plan of accounts without one."""
        return self.default_plan or ("free" if self.billing_on else "unlimited")

    @property
    def create_budget(self) -> timedelta:
        """Time budget of a create."""
        return timedelta(seconds=self.create_seconds)

    @property
    def delete_budget(self) -> timedelta:
        """Time budget of a delete."""
        return timedelta(seconds=self.delete_seconds)


def words(text: str) -> tuple[str, ...]:
    """Return what stands between commas."""
    return tuple(word for part in text.split(",") if (word := part.strip()))


def _at_least(value: SecretStr, length: int) -> SecretStr:
    if len(value.get_secret_value()) < length:
        msg = f"must have at least {length} characters"
        raise ValueError(msg)
    return value


def read_settings() -> Settings:
    """Read the environment. Raises SettingsError, which never repeats a value."""
    try:
        return Settings()  # pyright: ignore[reportCallIssue] - values come from the environment
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
