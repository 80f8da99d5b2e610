"""Where mods may come from. Pure.

An entry of the setting is a host's name (https, at a public address) or a whole origin such as
``https://mirror.lan:8443``: whoever writes an origin out knows the machine, so it may be anywhere. Plain HTTP
is taken from this machine only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from yarl import URL

from zpack.agent.mods.addresses import is_loopback
from zpack.agent.problems import Refusal

DEFAULT_HOSTS = "cdn.modrinth.com,artifacts.zerolaghub.com"
MAX_URL = 2048
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
NUMBERS = frozenset("0123456789abcdefx.")


class SourceRefused(Refusal):
    """The address is not one that mods may come from."""

    code = "source_not_allowed"


@dataclass(frozen=True)
class Origin:
    """A place mods may come from; ``local`` when it need not be on the Internet."""

    scheme: str
    host: str
    port: int
    local: bool


@dataclass(frozen=True)
class Source:
    """An address that was checked, and the origin that allows it."""

    url: URL
    origin: Origin


def parse_origins(text: str) -> tuple[Origin, ...]:
    """Read the setting. Raises ``ValueError`` with the entry that cannot be used."""
    return tuple(_origin(entry.strip()) for entry in text.split(",") if entry.strip())


def check_source(value: object, allowed: tuple[Origin, ...]) -> Source:
    """Return the address when it is allowed. Raises :class:`SourceRefused`."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_URL:
        raise SourceRefused("download_url must be an address")
    if not value.isascii() or not value.isprintable() or any(char in value for char in ' \\"<>^`{|}@'):
        raise SourceRefused("download_url has characters that an address of a mod never has")
    try:
        url = URL(value, encoded=True)
        place = (url.scheme, url.host, url.port)
    except ValueError as error:
        raise SourceRefused("download_url is no address") from error
    for origin in allowed:
        if place == (origin.scheme, origin.host, origin.port):
            return Source(url, origin)
    raise SourceRefused("mods are fetched over HTTPS, from the hosts in ZLH_AGENT_MOD_HOSTS only")


def _origin(entry: str) -> Origin:
    named = "://" not in entry
    url = URL(f"https://{entry}" if named else entry)
    if url.scheme not in {"http", "https"} or not url.host or url.port is None:
        raise ValueError(entry)
    if url.user is not None or url.path not in {"", "/"} or url.query_string or url.fragment:
        raise ValueError(entry)
    if not HOST.fullmatch(url.host) and ":" not in url.host:
        raise ValueError(entry)
    if url.scheme == "http" and not (url.host == "localhost" or is_loopback(url.host)):
        raise ValueError(entry)
    if named and _is_number(url.host):  # a name is looked up and checked; a number must be written out
        raise ValueError(entry)
    return Origin(url.scheme, url.host, url.port, local=not named)


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return set(host) <= NUMBERS and host[:1].isdigit()
    return True
