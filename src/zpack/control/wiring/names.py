"""Constructs the links of DNS: one for each zone that is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.outside.cloudflare import Cloudflare
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.rfc2136 import Key, Rfc2136
from zpack.control.outside.technitium import Technitium
from zpack.control.publishing.cloudflare import CloudflareZone
from zpack.control.publishing.names import NamesLink, Zone
from zpack.control.publishing.records import Doors, Target
from zpack.control.publishing.rfc2136 import Rfc2136Zone
from zpack.control.publishing.technitium import TechnitiumZone

if TYPE_CHECKING:
    from pydantic import SecretStr

    from zpack.control.publishing.links import Link
    from zpack.control.settings import Settings

CONNECTIONS = 8


def build_names(settings: Settings) -> tuple[Link, ...]:
    """Construct every configured zone: inside for the proxies, at Cloudflare for the public address."""
    inside = Doors(
        minecraft=Target(settings.velocity_edge_ip, settings.velocity_edge_ipv6),
        others=Target(settings.traefik_edge_ip, settings.traefik_edge_ipv6),
        minecraft_port=settings.edge_public_port,
    )
    public = Target(settings.public_edge_ip, settings.public_edge_ipv6)
    outside = Doors(minecraft=public, others=public, minecraft_port=settings.edge_public_port)
    found: list[tuple[Zone, Doors]] = []
    if settings.technitium_url:
        found.append((_technitium(settings, settings.technitium_url), inside))
    if settings.cloudflare_zone_id:
        found.append((_cloudflare(settings, settings.cloudflare_zone_id), outside))
    if settings.rfc2136_server:
        found.append((_rfc2136(settings, settings.rfc2136_server), inside))
    return tuple(NamesLink(zone=zone, domain=settings.game_domain, doors=doors) for zone, doors in found)


def _technitium(settings: Settings, url: str) -> Zone:
    zone = settings.zone_of_technitium
    http = ForeignHttp(name="Technitium", verify_tls=settings.technitium_verify_tls, connections=CONNECTIONS)
    client = Technitium(
        base_url=url,
        token=_secret(settings.technitium_token),
        zone=zone,
        http=http,
        token_in_body=settings.technitium_token_in_body,
    )
    return TechnitiumZone(client=client, zone=zone)


def _cloudflare(settings: Settings, zone_id: str) -> Zone:
    client = Cloudflare(
        token=_secret(settings.cloudflare_token),
        zone_id=zone_id,
        http=ForeignHttp(name="Cloudflare", connections=CONNECTIONS),
        base_url=settings.cloudflare_api_base,
    )
    return CloudflareZone(client=client, zone=settings.zone_of_cloudflare)


def _rfc2136(settings: Settings, server: str) -> Zone:
    zone, name = settings.zone_of_rfc2136, settings.rfc2136_key_name
    secret, algorithm = _secret(settings.rfc2136_key_secret), settings.rfc2136_key_algorithm
    key = Key(name, secret, algorithm) if name else None
    return Rfc2136Zone(
        client=Rfc2136(server=server, port=settings.rfc2136_port, zone=zone, key=key), zone=zone
    )


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""
