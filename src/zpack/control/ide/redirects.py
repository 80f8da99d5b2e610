"""Where a container's Location may lead: into its place or, from a host of its own, openly away; pure."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

if TYPE_CHECKING:
    from zpack.control.ide.places import Place

LOCATION_LIMIT = 8192
UNCLEAR = re.compile(r"[\x00-\x20\x7f\\]")
"""What browsers read in another way than we do."""
ITSELF = {"localhost", "127.0.0.1", "::1", "0.0.0.0"}


def landed(location: str, place: Place, path: str, *, ip: str, port: int) -> str | None:
    """Return what the browser is told, or None when it must not be led there.

    ``path`` is the container's own path that was asked for; ``ip`` and ``port`` are how we reached it.
    """
    if not location or len(location) > LOCATION_LIMIT or UNCLEAR.search(location):
        return None
    try:
        parts = urlsplit(location)
        target = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    except ValueError:
        return None
    if not (parts.scheme or parts.netloc):
        return _inside(parts, place, path)
    if parts.scheme not in {"", "http", "https"} or not parts.netloc or "@" in parts.netloc:
        return None
    if parts.netloc.lower() == place.host or (target[0] in {ip, *ITSELF} and target[1] == port):
        return _inside(parts._replace(path=parts.path or "/"), place, path)
    return None if place.prefix or is_internal(target[0]) else location


def is_internal(host: str) -> bool:
    """Say whether a host name means something else inside than outside."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        last = host.rstrip(".").rpartition(".")
        numeric = last[2].isdigit() or last[2].startswith("0x")
        return not last[0] or numeric or last[2] in {"localhost", "local", "internal", "lan", "arpa"}


def _inside(parts: SplitResult, place: Place, path: str) -> str:
    """Return a reference within the place; nothing climbs out of it."""
    rest = urlunsplit(("", "", parts.path, parts.query, parts.fragment))
    if rest.startswith("/"):
        rest = "/" + rest.lstrip("/")
    if not place.prefix:
        return rest or "/"
    if rest.startswith(place.root):
        rest = rest.removeprefix(place.prefix)
    reached = urlsplit(urljoin(f"http://container/{path.lstrip('/')}", rest))
    return place.prefix + urlunsplit(
        ("", "", "/" + reached.path.lstrip("/"), reached.query, reached.fragment)
    )
