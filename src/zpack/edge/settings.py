"""The edge's settings: command line first, then the environment."""

from __future__ import annotations

import argparse
import ipaddress
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zpack.edge.limits import Limits
from zpack.edge.splice import Patience
from zpack.edge.visitor import Network, Terms
from zpack.edge.watch import Rhythm

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST, MOST = 0.01, 86400.0
"""Seconds: nothing here may spin, nothing needs more than a day."""
EPILOG = """\
environment (secrets only here; the command line is visible to other users):
  ZPACK_SECRET or ZPACK_SHARED_SECRET  shared with the API; required
  HOST                           default of --host (127.0.0.1)
  EDGE_PORT                      default of --port (25565)
  EDGE_REGISTRY_HOST             default of --registry-host (HOST)
  EDGE_REGISTRY_PORT             default of --registry-port (8081)
  EDGE_HOME                      default of --home (./edge); registry.json is kept there
  GAME_DOMAIN                    default of --domain (zpack.localhost)
  ZPACK_PROXY_STATUS_ENDPOINT    default of --status-endpoint (none: no callbacks)
  EDGE_PROXY_PROTOCOL_FROM       networks whose connections begin with a PROXY v2 header, by commas (none)
  EDGE_PROXY_PROTOCOL_TO_BACKENDS  1: backends get a PROXY v2 header (0)
  EDGE_MAX_CONNECTIONS           players at once (8192)
  EDGE_MAX_CONNECTIONS_PER_ADDRESS  the same for one address (512)
  EDGE_MAX_HALF_OPEN             connections no game server has answered yet, in all (1024)
  EDGE_MAX_HALF_OPEN_PER_ADDRESS the same for one address (64)
  EDGE_CONNECTIONS_PER_SECOND    new connections for one address, lasting (20)
  EDGE_CONNECTIONS_BURST         the same, at once (150)
  EDGE_HANDSHAKE_SECONDS         from connecting to a whole handshake (5)
  EDGE_DIAL_SECONDS              for connecting to a game server (3)
  EDGE_STATUS_ANSWER_SECONDS     for its first byte of a status, before it counts as starting (4)
  EDGE_LOGIN_ANSWER_SECONDS      the same for a login (20)
  EDGE_IDLE_SECONDS              a joined player's connection without any byte (120)
  EDGE_PING_SECONDS              between two pings of a healthy server (15)
  EDGE_RETRY_PING_SECONDS        between two pings of one that does not answer (3)
  EDGE_DRAIN_SECONDS             how long players may stay when the edge is asked to end (0)
  ZPACK_PDEATHSIG                1: end when the parent process ends
"""


class SettingsError(Exception):
    """A setting that cannot be used; the text names it, never a secret's value."""


@dataclass(frozen=True)
class Settings:
    """All of them."""

    host: str
    port: int
    registry_host: str
    registry_port: int
    home: Path
    domain: str
    endpoint: str
    secret: str
    drain: float
    terms: Terms
    rhythm: Rhythm

    def __repr__(self) -> str:
        return f"Settings(port={self.port}, registry_port={self.registry_port}, home={self.home})"


def read_settings(argv: list[str] | None, env: Mapping[str, str]) -> Settings:
    """Read them. Raises SettingsError; argparse ends the process for ``--help`` and unknown options."""
    given = _parser().parse_args(argv)
    host = given.host or env.get("HOST") or "127.0.0.1"
    secret = env.get("ZPACK_SECRET") or env.get("ZPACK_SHARED_SECRET") or ""
    if not secret:
        raise SettingsError("ZPACK_SECRET (or ZPACK_SHARED_SECRET) must be set")
    return Settings(
        host=host,
        port=_port(given.port or env.get("EDGE_PORT") or "25565", "EDGE_PORT"),
        registry_host=given.registry_host or env.get("EDGE_REGISTRY_HOST") or host,
        registry_port=_port(
            given.registry_port or env.get("EDGE_REGISTRY_PORT") or "8081", "EDGE_REGISTRY_PORT"
        ),
        home=Path(given.home or env.get("EDGE_HOME") or "edge"),
        domain=given.domain or env.get("GAME_DOMAIN") or "zpack.localhost",
        endpoint=given.status_endpoint or env.get("ZPACK_PROXY_STATUS_ENDPOINT") or "",
        secret=secret,
        drain=_seconds(env, "EDGE_DRAIN_SECONDS", 0.0, least=0.0),
        terms=_terms(env),
        rhythm=Rhythm(
            healthy=_seconds(env, "EDGE_PING_SECONDS", 15.0),
            failing=_seconds(env, "EDGE_RETRY_PING_SECONDS", 3.0),
            with_header=_is_on(env),
        ),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zpack edge",
        description="The players' door: one port, routed by the host name a player typed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--home", help="folder for the table of registered servers")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", help="players' port; 0: any free one")
    parser.add_argument("--registry-host", help="address of the registry API")
    parser.add_argument("--registry-port", help="port of the registry API; 0: any free one")
    parser.add_argument("--domain", help="players join NAME.DOMAIN")
    parser.add_argument("--status-endpoint", help="URL that is told of registrations and pings")
    return parser


def _terms(env: Mapping[str, str]) -> Terms:
    limits = Limits(
        rate=_seconds(env, "EDGE_CONNECTIONS_PER_SECOND", 20.0),
        burst=_count(env, "EDGE_CONNECTIONS_BURST", 150),
        half_open=_count(env, "EDGE_MAX_HALF_OPEN", 1024),
        half_open_per_address=_count(env, "EDGE_MAX_HALF_OPEN_PER_ADDRESS", 64),
        connections=_count(env, "EDGE_MAX_CONNECTIONS", 8192),
        connections_per_address=_count(env, "EDGE_MAX_CONNECTIONS_PER_ADDRESS", 512),
    )
    return Terms(
        limits=limits,
        patience=Patience(idle=_seconds(env, "EDGE_IDLE_SECONDS", 120.0)),
        opening=_seconds(env, "EDGE_HANDSHAKE_SECONDS", 5.0),
        dial=_seconds(env, "EDGE_DIAL_SECONDS", 3.0),
        status_answer=_seconds(env, "EDGE_STATUS_ANSWER_SECONDS", 4.0),
        login_answer=_seconds(env, "EDGE_LOGIN_ANSWER_SECONDS", 20.0),
        trusted=_networks(env.get("EDGE_PROXY_PROTOCOL_FROM", "")),
        tell_backends=_is_on(env),
    )


def _is_on(env: Mapping[str, str]) -> bool:
    value = env.get("EDGE_PROXY_PROTOCOL_TO_BACKENDS", "0")
    if value not in {"", "0", "1"}:
        raise SettingsError("EDGE_PROXY_PROTOCOL_TO_BACKENDS must be 0 or 1")
    return value == "1"


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingsError("EDGE_PROXY_PROTOCOL_FROM must be networks such as 10.0.0.0/8") from None


def _port(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65535):  # noqa: PLR2004 - ports
        msg = f"{name} must be a port, from 0 to 65535"
        raise SettingsError(msg)
    return int(text)


def _seconds(env: Mapping[str, str], name: str, default: float, *, least: float = LEAST) -> float:
    try:
        value = float(env.get(name) or default)
    except ValueError:
        value = math.nan
    if not least <= value <= MOST:  # also refuses nan
        msg = f"{name} must be a number from {least:g} to {MOST:g}"
        raise SettingsError(msg)
    return value


def _count(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and 0 < len(text) <= 7 and int(text) > 0):  # noqa: PLR2004 - sane
        msg = f"{name} must be a whole number above 0"
        raise SettingsError(msg)
    return int(text)
