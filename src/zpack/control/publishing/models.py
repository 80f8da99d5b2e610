"""What is published of a server, and the proxy's callbacks in any of their spellings: pure (contract §6)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

Protocol = Literal["tcp", "udp"]

STATUSES = frozenset({"registered_with_proxy", "proxy_ping_ok", "proxy_ping_failed"})
TEXT_LIMIT = 300
PORT_MAX = 65535
NUMBER_LIMIT = 1e9
MOMENT = {
    "registered_with_proxy": "registeredAt",
    "proxy_ping_ok": "pingOkAt",
    "proxy_ping_failed": "pingFailedAt",
}
MINECRAFT_PORT = 25565


@dataclass(frozen=True)
class Service:
    """What a game is known by outside: its service name, its protocol, its usual port (contract §6.1)."""

    name: str
    protocol: Protocol
    port: int


MINECRAFT = Service("minecraft", "tcp", MINECRAFT_PORT)
SERVICES: Mapping[str, Service] = {
    "minecraft": MINECRAFT,
    "mc": MINECRAFT,
    "mcp": MINECRAFT,
    "rust": Service("rust", "udp", 28015),
    "terraria": Service("terraria", "tcp", 7777),
    "projectzomboid": Service("projectzomboid", "udp", 16261),
    "valheim": Service("valheim", "udp", 2456),
    "palworld": Service("palworld", "udp", 8211),
}


@dataclass(frozen=True)
class Endpoint:
    """One port: ``number`` is where the public finds it, ``target`` where the container listens."""

    name: str
    protocol: Protocol
    number: int
    target: int


@dataclass(frozen=True)
class Place:
    """All that a link may know of a server. Without an ``ip`` it can only be taken off."""

    vmid: int
    hostname: str
    fqdn: str
    ip: str
    ctype: Literal["game", "dev"]
    game: str
    endpoints: tuple[Endpoint, ...]

    @property
    def minecraft(self) -> bool:
        """Whether players come through the game proxy, by name (contract §6.1)."""
        return self.ctype == "game" and is_minecraft(self.game)


def is_minecraft(game: str) -> bool:
    """Say whether a game is Minecraft, in any of its spellings."""
    return game in {"mc", "mcp"} or "minecraft" in game


def service_of(game: str) -> Service:
    """Return what a game is known by; one we do not know is ``game`` over TCP."""
    found = SERVICES.get(game) or (MINECRAFT if is_minecraft(game) else None)
    return found or Service("game", "tcp", MINECRAFT_PORT)


def endpoints_of(game: str, ports: Any) -> tuple[Endpoint, ...]:
    """Return a server's ports from its column ``allocated_ports``.

    ``game`` lists the ports inside; ``public`` maps each of them, as text, to the one outside, where it is
    another. A game whose ports nobody listed has its usual one.
    """
    service = service_of(game)
    known = ports if isinstance(ports, dict) else {}
    outside, listed = known.get("public"), known.get("game")
    inside = [n for n in listed if _is_port(n)] if isinstance(listed, list) else []
    return tuple(
        Endpoint(service.name, service.protocol, _outside(outside, number), number)
        for number in inside or [service.port]
    )


def _outside(outside: Any, number: int) -> int:
    found: Any = outside.get(str(number)) if isinstance(outside, dict) else None
    return found if _is_port(found) else number


def _is_port(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= PORT_MAX


@dataclass(frozen=True)
class ProxyReport:
    """One callback of the proxy, checked."""

    server_name: str
    status: str
    address: str | None
    port: int | None
    duplicate: bool
    latency_ms: float | None
    detail: str | None


def parse_report(body: dict[str, Any]) -> ProxyReport | str:
    """Return the report, or what is wrong with it. Both snake_case and camelCase are understood."""
    name = _text(_any(body, "server_name", "serverName", "server", "name"))
    status = _text(_any(body, "status"))
    if not name:
        return "server_name is missing"
    if status not in STATUSES:
        return f"status must be one of {', '.join(sorted(STATUSES))}"
    return ProxyReport(
        server_name=name.lower(),
        status=status,
        address=_text(_any(body, "address")),
        port=_number(_any(body, "port"), int),
        duplicate=_any(body, "duplicate") is True,
        latency_ms=_number(_any(body, "latency_ms", "latencyMs", "latency"), float),
        detail=_text(_any(body, "detail", "message")),
    )


def proxy_patch(
    report: ProxyReport, now: str, *, here: str | None = None, before: str | None = None
) -> dict[str, Any]:
    """Return what is merged into ``payload.proxy`` (contract §3.5). ``now`` is ours: clocks differ.

    ``here`` is the server's own address and ``before`` the one the section speaks of so far. What is said of
    another address than ``here`` is noted beside the verdict and changes nothing of it; what was said of
    ``before`` does not hold for a new address.
    """
    if here and report.address not in {None, here}:
        said = {"address": report.address, "port": report.port, "status": report.status, "at": now}
        return {"elsewhere": said}
    moved = bool(before and report.address and before != report.address)
    patch: dict[str, Any] = dict.fromkeys(MOMENT.values()) if moved else {}
    patch |= {
        "source": "velocity",
        "status": report.status,
        "serverName": report.server_name,
        "address": report.address,
        "port": report.port,
        "duplicate": report.duplicate,
        "latencyMs": report.latency_ms,
        "detail": report.detail,
        "lastEventAt": now,
        MOMENT[report.status]: now,
    }
    return patch


def _any(body: dict[str, Any], *keys: str) -> Any:
    for key in keys:
        if body.get(key) is not None:
            return body[key]
    return None


def _text(value: Any) -> str | None:
    """Return storable text, cut."""
    if not isinstance(value, str) or "\x00" in value:
        return None
    return value.encode("utf-8", "replace").decode()[:TEXT_LIMIT]


def _number(value: Any, kind: type[int | float]) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or abs(value) > NUMBER_LIMIT:
        return None
    return kind(value)
