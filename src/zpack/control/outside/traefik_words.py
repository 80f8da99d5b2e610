"""Traefik's own words: entry points, routers and services as its documents have them. Pure.

Every server has one router and one service per public port, both of one name. Names and addresses are checked
here, and documents leave as JSON from a serializer, so that no name can become syntax.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Config = dict[str, Any]
PREFIX = "zpack_"
"""No host name has the underscore, so that no name of ours is the beginning of another's."""
HOSTNAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
ROUTER = re.compile(rf"{PREFIX}({HOSTNAME.pattern})_(\d{{1,5}})")
ENTRY_POINT = re.compile(r"(tcp|udp)-(\d{1,5})")
API_SERVICE = "zpack-api"
CLOSED = "zpack-closed"
EVERYTHING = "HostSNI(`*`)"


@dataclass(frozen=True)
class Road:
    """A public port that leads to a port of a server."""

    hostname: str
    protocol: str
    number: int
    ip: str
    target: int

    @property
    def name(self) -> str:
        """Return the name of its router and service."""
        return f"{PREFIX}{self.hostname}_{self.number}"

    @property
    def sound(self) -> bool:
        """Whether it can be written down: a host name, an address, ports."""
        ports = all(0 < port < 65536 for port in (self.number, self.target))  # noqa: PLR2004 - TCP's last
        known = self.protocol in {"tcp", "udp"} and HOSTNAME.fullmatch(self.hostname) is not None
        return ports and known and _is_address(self.ip)

    @property
    def mark(self) -> str:
        """Return what leads where, in one word."""
        return f"{self.protocol}:{self.number}>{address_of(self.ip, self.target)}"


@dataclass(frozen=True)
class IdeHosts:
    """The hosts below a suffix that belong to browser IDEs and forwarded ports, and who answers for them."""

    suffix: str | None
    urls: tuple[str, ...]
    """Base URLs of the API, as Traefik reaches it."""
    entry_point: str
    tls: bool
    resolver: str | None = None


def fingerprint(marks: Iterable[str]) -> str:
    """Return one word for all that leads to a server."""
    return " ".join(sorted(marks))


def address_of(ip: str, port: int) -> str:
    """Return an address with its port; IPv6 stands in brackets."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def entry_point(protocol: str, number: int) -> str:
    """Return the name of the entry point of a public port."""
    return f"{protocol}-{number}"


def game_config(roads: Iterable[Road]) -> Config:
    """Return routers and services; roads that cannot be written down are left out."""
    config: Config = {}
    for road in roads:
        if not road.sound:
            continue
        side = config.setdefault(road.protocol, {"routers": {}, "services": {}})
        router = {"entryPoints": [entry_point(road.protocol, road.number)], "service": road.name}
        side["routers"][road.name] = router | ({"rule": EVERYTHING} if road.protocol == "tcp" else {})
        server = {"address": address_of(road.ip, road.target)}
        side["services"][road.name] = {"loadBalancer": {"servers": [server]}}
    return config


def closed_config(roads: Iterable[Road], ports: Iterable[tuple[str, int]]) -> Config:
    """Return one router that leads every UDP port without a road nowhere.

    Traefik leaves a UDP port as it was when its last router goes: players of a deleted server, and whoever
    gets its address next, would still meet. Another router is what ends the old one.
    """
    used = {road.number for road in roads if road.protocol == "udp" and road.sound}
    free = [
        entry_point("udp", number) for protocol, number in ports if protocol == "udp" and number not in used
    ]
    if not free:
        return {}
    nowhere = {"loadBalancer": {"servers": []}}
    return {
        "udp": {"routers": {CLOSED: {"entryPoints": free, "service": CLOSED}}, "services": {CLOSED: nowhere}}
    }


def merged(*configs: Config) -> Config:
    """Return one document of several."""
    whole: Config = {}
    for config in configs:
        for protocol, side in config.items():
            for kind, entries in side.items():
                whole.setdefault(protocol, {}).setdefault(kind, {}).update(entries)
    return whole


def ide_config(hosts: IdeHosts) -> Config:
    """Return the router of all IDE hosts (contract §6.7), and the service that stands even without one.

    It also keeps our part from ever being empty: Traefik may take an empty document for none and keep the
    last one.
    """
    servers = [{"url": url} for url in hosts.urls]
    service = {"loadBalancer": {"servers": servers, "passHostHeader": True}}
    http: Config = {"services": {API_SERVICE: service}}
    if hosts.suffix is not None:
        domain = hosts.suffix.partition(":")[0]
        rule = rf"HostRegexp(`^([0-9]{{1,5}}-)?dev-[0-9]+\.{re.escape(domain)}$`)"
        router: Config = {"entryPoints": [hosts.entry_point], "rule": rule, "service": API_SERVICE}
        if hosts.tls:
            router["tls"] = _tls(domain, hosts.resolver)
        http["routers"] = {"zpack-ide": router}
    return {"http": http}


def static_config(
    ports: Iterable[tuple[str, int]],
    *,
    host: str,
    provider: Config,
    ide: IdeHosts,
    udp_seconds: int = 60,
) -> Config:
    """Return Traefik's static part: an entry point for every public port, and where the rest comes from."""
    points: Config = {}
    for protocol, number in ports:
        point: Config = {"address": f"{host}:{number}" + ("/udp" if protocol == "udp" else "")}
        points[entry_point(protocol, number)] = point
        if protocol == "udp":
            point["udp"] = {"timeout": f"{udp_seconds}s"}
    if ide.suffix is not None:
        # Uploads into an IDE last longer than the minute that Traefik gives a request.
        timeouts = {"respondingTimeouts": {"readTimeout": "0s"}}
        points[ide.entry_point] = {
            "address": f"{host}:{443 if ide.tls else 80}",
            "transport": timeouts,
        }
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "entryPoints": points,
        "providers": provider,
        "api": {},
        "log": {"level": "INFO"},
    }


def roads_in(config: Mapping[str, Any], provider: str | None = None) -> dict[str, list[Road]]:
    """Return our roads by host name, as a document or Traefik's own account (``rawdata``) has them.

    Of ``provider`` alone, when given. A router that is not enabled leads nowhere: it has no road, and its
    host name stands all the same.
    """
    tail = f"@{provider}" if provider else ""
    found: dict[str, list[Road]] = {}
    for protocol in ("tcp", "udp"):
        routers, services = _sides(config, protocol, raw=provider is not None)
        for full, router in routers.items():
            name = full.removesuffix(tail)
            match = ROUTER.fullmatch(name)
            if match is None or (tail and not full.endswith(tail)) or not isinstance(router, Mapping):
                continue
            roads = found.setdefault(match[1], [])
            road = _road(match[1], protocol, router, services.get(name + tail))
            if road is not None and router.get("status", "enabled") == "enabled":
                roads.append(road)
    return found


def refusals_in(raw: Mapping[str, Any], hostname: str, provider: str) -> list[str]:
    """Return what Traefik has against the routers of a server."""
    told: list[str] = []
    for protocol in ("tcp", "udp"):
        routers, _ = _sides(raw, protocol, raw=True)
        for full, router in routers.items():
            match = ROUTER.fullmatch(full.removesuffix(f"@{provider}"))
            if match is not None and match[1] == hostname and isinstance(router, Mapping):
                told += [str(word) for word in _list(router.get("error"))]
    return told


def _sides(
    config: Mapping[str, Any], protocol: str, *, raw: bool
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if raw:
        return _mapping(config.get(f"{protocol}Routers")), _mapping(config.get(f"{protocol}Services"))
    side = _mapping(config.get(protocol))
    return _mapping(side.get("routers")), _mapping(side.get("services"))


def _road(hostname: str, protocol: str, router: Mapping[str, Any], service: Any) -> Road | None:
    points = _list(router.get("entryPoints"))
    match = ENTRY_POINT.fullmatch(str(points[0])) if len(points) == 1 else None
    servers = _list(_mapping(_mapping(service).get("loadBalancer")).get("servers"))
    address = str(_mapping(servers[0]).get("address")) if len(servers) == 1 else ""
    ip, _, port = address.rpartition(":")
    if match is None or match[1] != protocol or not port.isdecimal():
        return None
    return Road(hostname, protocol, int(match[2]), ip.strip("[]"), int(port))


def _tls(domain: str, resolver: str | None) -> Config:
    if resolver is None:
        return {}
    return {"certResolver": resolver, "domains": [{"main": domain, "sans": [f"*.{domain}"]}]}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
