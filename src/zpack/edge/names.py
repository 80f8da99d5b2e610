"""What may be registered, and how a host name finds its server: pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
MAX_NAME = 253
MAX_PORT = 65535


@dataclass(frozen=True)
class Target:
    """A game server that players reach under ``name``."""

    name: str
    address: str
    port: int
    asleep: bool = False
    """Whether we answer for it: it is stopped, and starts when somebody joins."""


class Invalid(ValueError):
    """A registration that makes no sense; ``code`` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse_name(value: Any) -> str:
    """Return the server's name, in lower case. Raises Invalid."""
    name = value.strip().lower().removesuffix(".") if isinstance(value, str) else ""
    if not 0 < len(name) <= MAX_NAME or not all(LABEL.match(label) for label in name.split(".")):
        raise Invalid("invalid_server_name", "server_name must be one or more DNS labels")
    return name


def parse_target(fields: dict[str, Any]) -> Target:
    """Return what is to be registered. Raises Invalid."""
    return Target(
        name=parse_name(fields.get("server_name")),
        address=_address(fields.get("address")),
        port=_port(fields.get("port")),
        asleep=_flag(fields.get("asleep")),
    )


def _flag(value: Any) -> bool:
    if value is None or value is False or value in ("", "false"):
        return False
    if value is True or value == "true":
        return True
    raise Invalid("invalid_asleep", "asleep must be true or false")


def _address(value: Any) -> str:
    try:
        address = ipaddress.ip_address(value.strip() if isinstance(value, str) else "")
    except ValueError:
        raise Invalid("invalid_address", "address must be an IP address") from None
    if address.is_unspecified or address.is_multicast:
        raise Invalid("invalid_address", "address must be the address of one machine")
    return str(address)


def _port(value: Any) -> int:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    port = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_PORT)) else 0
    if not 0 < port <= MAX_PORT:
        raise Invalid("invalid_port", f"port must be a number from 1 to {MAX_PORT}")
    return port


def candidates(host: str, domain: str) -> Iterator[str]:
    """Yield what a host name may mean, most exact first: itself, its part below our domain, its label."""
    if host:
        yield host
        if domain and host.endswith(f".{domain}"):
            yield host.removesuffix(f".{domain}")
        yield host.split(".", 1)[0]
