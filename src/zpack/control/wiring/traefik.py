"""Constructs what leads players and browsers by Traefik."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.traefik import Traefik
from zpack.control.outside.traefik_files import TraefikFiles
from zpack.control.outside.traefik_words import IdeHosts, ide_config, static_config
from zpack.control.publishing.traefik import ByFile, ByHttp, TraefikLink
from zpack.control.routing.actions import Routing
from zpack.control.routing.models import each_port, parse_ranges
from zpack.control.settings import words

if TYPE_CHECKING:
    from typing import Any

    from zpack.control.db.session import Database
    from zpack.control.publishing.links import Link
    from zpack.control.settings import Settings, TraefikPart

LOOPBACK = frozenset({"127.0.0.1", "localhost"})


def build_traefik(settings: Settings) -> tuple[Link, ...]:
    """Construct the link, unless there is no Traefik."""
    if not settings.traefik_on:
        return ()
    ranges = parse_ranges(settings.port_ranges)

    def has_port(protocol: str, number: int) -> bool:
        return any(one.protocol == protocol and number in one for one in ranges)

    folder = settings.traefik_dynamic_dir
    base = ide_config(ide_hosts(settings))
    driver = ByHttp()
    if folder is not None:
        driver = ByFile(files=TraefikFiles(directory=folder, base=base, ports=tuple(each_port(ranges))))
    return (TraefikLink(driver=driver, traefik=_api(settings), has_port=has_port),)


def build_routing(settings: Settings, database: Database) -> Routing:
    """Construct the room."""
    return Routing(database=database, ide=ide_hosts(settings), ranges=parse_ranges(settings.port_ranges))


def provider_token(settings: Settings | TraefikPart) -> str | None:
    """Return what Traefik's HTTP provider must bring."""
    token = settings.traefik_provider_token
    return token.get_secret_value() if token else None


def ide_hosts(settings: Settings | TraefikPart) -> IdeHosts:
    """Return how browsers reach IDEs."""
    return IdeHosts(
        suffix=settings.ide_suffix,
        urls=words(settings.traefik_service_urls),
        entry_point=settings.traefik_web_entry_point,
        tls=settings.ide_scheme == "https",
        resolver=settings.traefik_cert_resolver,
    )


def traefik_static(settings: Settings | TraefikPart, *, host: str) -> dict[str, Any]:
    """Return Traefik's static configuration for these settings."""
    provider: dict[str, Any] = {}
    if settings.traefik_dynamic_dir is not None:
        provider["file"] = {"directory": str(settings.traefik_dynamic_dir), "watch": True}
    elif (token := provider_token(settings)) is not None:
        provider["http"] = {
            "endpoint": f"{words(settings.traefik_service_urls)[0].rstrip('/')}/internal/traefik/config",
            "headers": {"Authorization": f"Bearer {token}"},
            "pollInterval": "1s",
            "pollTimeout": "5s",
        }
    ports = each_port(parse_ranges(settings.port_ranges))
    config = static_config(ports, host=host, provider=provider, ide=ide_hosts(settings))
    listener = urlsplit(settings.traefik_api_url or "")
    if listener.scheme == "http" and listener.hostname in LOOPBACK:
        config["entryPoints"]["traefik"] = {"address": f"{listener.hostname}:{listener.port or 80}"}
        config["api"] = {"insecure": True}  # on this machine alone; it only tells
    return config


def _api(settings: Settings) -> Traefik | None:
    if settings.traefik_api_url is None:
        return None
    secret = settings.traefik_api_authorization
    return Traefik(
        base_url=settings.traefik_api_url,
        authorization=secret.get_secret_value() if secret else None,
        http=ForeignHttp(name="Traefik", connections=4),
    )
