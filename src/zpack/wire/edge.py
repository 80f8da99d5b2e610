"""What the API and the Minecraft edge say to each other: the Velocity bridge's contract (§6.2, §6.3)."""

from __future__ import annotations

import hashlib
from typing import Literal, NotRequired, TypedDict

SECRET_HEADER = "X-Zpack-Secret"  # noqa: S105 - a header's name

ProxyStatus = Literal["registered_with_proxy", "proxy_ping_ok", "proxy_ping_failed"]


def hashed_secret(shared: str) -> str:
    """Return the header's value: lower-case hex SHA-256 of the shared secret."""
    return hashlib.sha256(shared.encode()).hexdigest()


class Register(TypedDict):
    """``POST /zpack/register``."""

    server_name: str
    address: str
    port: int
    asleep: NotRequired[bool]
    """Our edge's own: whether it answers for the server, which is stopped."""


class Wake(TypedDict):
    """``POST /internal/velocity/wake``, our edge to the API: a player wants to join a server that sleeps."""

    server_name: str
    address: str


class Unregister(TypedDict):
    """``POST /zpack/unregister``; 404 means already gone."""

    server_name: str


class Backend(TypedDict):
    """One registered backend in ``GET /zpack/status``."""

    name: str
    address: str
    port: int


class EdgeStatus(TypedDict):
    """``GET /zpack/status``."""

    servers: list[Backend]
    asleep: NotRequired[list[str]]
    """Our edge's own: names of those among them that it answers for."""


class ProxyEvent(TypedDict):
    """Body of ``POST /internal/velocity/proxy-status``, edge to API."""

    server_name: str
    status: ProxyStatus
    address: str
    port: int
    duplicate: NotRequired[bool]
    latency_ms: NotRequired[float | None]
    detail: NotRequired[str | None]
    timestamp: str
