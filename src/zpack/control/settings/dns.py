"""The DNS zones that servers get their names in (contract §6, §13). What is not named costs nothing."""

from __future__ import annotations

import ipaddress
from typing import Literal, Self

from pydantic import SecretStr, field_validator, model_validator

from zpack.control.settings.field import BASE_URL, FROZEN, env
from zpack.control.settings.publishing import PublishingSettings

TECHNITIUM, CLOUDFLARE, RFC2136 = "TECHNITIUM_API_URL", "CLOUDFLARE_ZONE_ID", "RFC2136_SERVER"


class DnsSettings(PublishingSettings):
    """Where names are made, and where they lead."""

    model_config = FROZEN

    technitium_url: str | None = env("TECHNITIUM_API_URL", default=None)
    """Base URL of Technitium's API, with its ``/api``; without it Technitium is not used."""
    technitium_token: SecretStr | None = env("TECHNITIUM_API_TOKEN", default=None)
    """Its token."""
    technitium_token_in_body: bool = env("TECHNITIUM_TOKEN_IN_BODY", default=False)
    """Whether the token is sent as a parameter, for servers before version 15."""
    technitium_verify_tls: bool = env("TECHNITIUM_VERIFY_TLS", default=True)
    """Whether its certificate is checked."""
    technitium_zone: str | None = env("TECHNITIUM_ZONE", "DNS_ZONE", default=None)
    """Its zone; by default ``GAME_DOMAIN``."""
    cloudflare_zone_id: str | None = env("CLOUDFLARE_ZONE_ID", default=None)
    """Id of the zone at Cloudflare; without it Cloudflare is not used."""
    cloudflare_token: SecretStr | None = env("CLOUDFLARE_API_TOKEN", default=None)
    """A token that may edit this zone's records."""
    cloudflare_zone: str | None = env("CLOUDFLARE_ZONE_NAME", "CF_ZONE_NAME", default=None)
    """Name of the zone; by default ``GAME_DOMAIN``."""
    cloudflare_api_base: str = env("CLOUDFLARE_API_BASE", default="https://api.cloudflare.com/client/v4")
    """Base URL of Cloudflare's API."""
    rfc2136_server: str | None = env("RFC2136_SERVER", default=None)
    """Primary DNS server that takes dynamic updates; without it there are none."""
    rfc2136_port: int = env("RFC2136_PORT", default=53)
    """Its port, TCP."""
    rfc2136_zone: str | None = env("RFC2136_ZONE", default=None)
    """Its zone; by default ``DNS_ZONE``, then ``GAME_DOMAIN``."""
    rfc2136_key_name: str | None = env("RFC2136_KEY_NAME", default=None)
    """Name of the TSIG key; without one updates are not signed."""
    rfc2136_key_secret: SecretStr | None = env("RFC2136_KEY_SECRET", default=None)
    """The key, in base64."""
    rfc2136_key_algorithm: Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"] = env(
        "RFC2136_KEY_ALGORITHM", default="hmac-sha256"
    )
    """Its algorithm."""
    velocity_edge_ip: str | None = env("VELOCITY_EDGE_IP", default=None)
    """Address of the game proxy inside; by default ``TRAEFIK_EDGE_IP``."""
    velocity_edge_ipv6: str | None = env("VELOCITY_EDGE_IPV6", default=None)
    """Its IPv6 address."""
    traefik_edge_ip: str | None = env("TRAEFIK_EDGE_IP", default=None)
    """Address of the proxy of all other games inside; by default ``VELOCITY_EDGE_IP``."""
    traefik_edge_ipv6: str | None = env("TRAEFIK_EDGE_IPV6", default=None)
    """Its IPv6 address."""
    public_edge_ip: str | None = env("CLOUDFLARE_EDGE_IP", "EDGE_PUBLIC_IP", default=None)
    """Public address of the edge."""
    public_edge_ipv6: str | None = env("CLOUDFLARE_EDGE_IPV6", "EDGE_PUBLIC_IPV6", default=None)
    """Its IPv6 address."""

    @field_validator("velocity_edge_ip", "traefik_edge_ip", "public_edge_ip")
    @classmethod
    def _is_v4(cls, value: str | None) -> str | None:
        return str(ipaddress.IPv4Address(value)) if value else None

    @field_validator("velocity_edge_ipv6", "traefik_edge_ipv6", "public_edge_ipv6")
    @classmethod
    def _is_v6(cls, value: str | None) -> str | None:
        return str(ipaddress.IPv6Address(value)) if value else None

    @field_validator("technitium_url", "cloudflare_api_base")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value and not BASE_URL.fullmatch(value):
            raise ValueError("must begin with http:// or https:// and have no query")
        return value.rstrip("/") if value else None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.technitium_url:
            self._needs(TECHNITIUM, "TECHNITIUM_API_TOKEN", self.technitium_token)
            self._inside(TECHNITIUM, self.zone_of_technitium)
        if self.cloudflare_zone_id:
            self._needs(CLOUDFLARE, "CLOUDFLARE_API_TOKEN", self.cloudflare_token)
            self._needs(CLOUDFLARE, "CLOUDFLARE_EDGE_IP", self.public_edge_ip or self.public_edge_ipv6)
            self._holds(self.zone_of_cloudflare)
        if self.rfc2136_server:
            self._inside(RFC2136, self.zone_of_rfc2136)
        if self.rfc2136_key_name:
            self._needs("RFC2136_KEY_NAME", "RFC2136_KEY_SECRET", self.rfc2136_key_secret)
        return self

    @property
    def zone_of_technitium(self) -> str:
        """Zone at Technitium."""
        return self._zone(self.technitium_zone)

    @property
    def zone_of_cloudflare(self) -> str:
        """Zone at Cloudflare."""
        return self._zone(self.cloudflare_zone)

    @property
    def zone_of_rfc2136(self) -> str:
        """Zone that dynamic updates change."""
        return self._zone(self.rfc2136_zone or self.technitium_zone)

    def _zone(self, name: str | None) -> str:
        return (name or self.game_domain).rstrip(".").lower()

    def _inside(self, system: str, zone: str) -> None:
        addresses = (self.velocity_edge_ip, self.traefik_edge_ip)
        found = any((*addresses, self.velocity_edge_ipv6, self.traefik_edge_ipv6))
        self._needs(system, "VELOCITY_EDGE_IP or TRAEFIK_EDGE_IP", found)
        self._holds(zone)

    def _holds(self, zone: str) -> None:
        if not f".{self.game_domain.lower()}".endswith(f".{zone}"):
            msg = f"GAME_DOMAIN must be the zone {zone} or lie in it"
            raise ValueError(msg)

    @staticmethod
    def _needs(system: str, name: str, value: object) -> None:
        if not value:
            msg = f"{system} needs {name}"
            raise ValueError(msg)
