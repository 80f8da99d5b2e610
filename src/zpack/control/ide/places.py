"""Which IDE or port a request is for: by path, or by Host when a suffix is set (contract §6.7, §7.2).

A name that only resembles one of ours is refused rather than guessed, and below the suffix nothing else is
served. What a proxy says in X-Forwarded-Host is never looked at (CVE-2026-55430).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.control.engine.errors import Refusal
from zpack.control.ide.models import PORT_HIGH, PORT_LOW
from zpack.control.instances.models import RANGES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

TUNNEL = b"/__ide/"
PATH = re.compile(rb"/__ide/([1-9][0-9]{0,8})(/.*)?", re.DOTALL)
PORT_PATH = re.compile(rb"/port(?:/([^/]*)(/.*)?)?", re.DOTALL)
NUMBER = re.compile(rb"[1-9][0-9]{0,4}")
LABEL = re.compile(r"(?:([1-9][0-9]{0,4})-)?dev-([1-9][0-9]{0,8})")
HOST = re.compile(r"([a-z0-9.-]+?)\.?(?::[0-9]{1,5})?")
OWN_PROXY = re.compile(rb"/+(?:abs)?proxy/([^/?]*)", re.IGNORECASE)
"""Code-server's own forwarding of ports; CVE-2025-47269 was a ``user@host`` in it."""


class NoPlace(Refusal):
    """There is no such IDE or port, by this name."""

    kind = "not_found"
    code = "ide_not_found"


@dataclass(frozen=True, slots=True)
class Place:
    """An IDE, or a port of a dev container, as a browser names it."""

    vmid: int
    port: int | None
    prefix: str
    """What stands before the container's own paths; empty when hosted."""
    host: str
    """Host as it was sent, in lower case."""

    @property
    def scope(self) -> str:
        """Return what a cookie is good for: one host name, or the tunnel of one container."""
        return "tunnel" if self.prefix else f"{self.port or 'ide'}.hosted"

    @property
    def cookie_path(self) -> str:
        """Return the path of our cookie: a container's ports lie below its IDE."""
        return f"{TUNNEL.decode()}{self.vmid}/" if self.prefix else "/"

    @property
    def root(self) -> str:
        """Return the path of everything that is the container's here."""
        return f"{self.prefix}/"


@dataclass(frozen=True, slots=True)
class Asked:
    """A place, and the path that is asked for there; ``path`` is None when only the slash is missing."""

    place: Place
    path: bytes | None


class Places:
    """Tells places apart. ``closed`` are ports that are never forwarded.

    ``portals`` have no tunnel where IDEs have names of their own, and ``site``, the portal that this process
    serves, has none at all: what a tunnel shows would share an origin with it.
    """

    def __init__(
        self,
        *,
        suffix: str | None,
        closed: Collection[int],
        portals: Collection[str],
        site: str | None = None,
    ) -> None:
        self._suffix = suffix.partition(":")[0] if suffix else None
        self._closed = frozenset(closed)
        self._portals = (frozenset(portals) if suffix else frozenset[str]()) | ({site} if site else set())

    def of(self, headers: Sequence[tuple[bytes, bytes]], path: bytes) -> Asked | None:
        """Return what is asked for, or None when it is none of ours. Raises NoPlace."""
        sent = [value.decode("latin-1").lower() for name, value in headers if name == b"host"]
        hosted = [name for host in sent if (name := self._below(host)) is not None]
        if hosted and len(sent) != 1:
            raise NoPlace("Send one Host.")
        if hosted:
            return self._hosted(hosted[0], sent[0], path)
        if not path.startswith(TUNNEL):
            return None
        if len(sent) != 1 or sent[0] in self._portals:
            raise NoPlace("IDEs have host names of their own here.")
        return self._tunnel(sent[0], path)

    def port(self, number: int) -> int:
        """Return a port that may be forwarded. Raises NoPlace."""
        if not PORT_LOW <= number <= PORT_HIGH or number in self._closed:
            raise NoPlace("This port is not forwarded.")
        return number

    def _below(self, host: str) -> str | None:
        """Return the labels before the suffix, or None when the host lies elsewhere."""
        if self._suffix is None:
            return None
        found = HOST.fullmatch(host)
        name = found[1] if found else ""
        if name.endswith(f".{self._suffix}"):
            return name.removesuffix(f".{self._suffix}")
        doubtful = found is None or name.endswith(".")
        return "" if doubtful and self._suffix in host else None

    def _hosted(self, label: str, host: str, path: bytes) -> Asked:
        found = LABEL.fullmatch(label)
        if found is None or not path.startswith(b"/"):
            raise NoPlace("There is no IDE of this name.")
        port = self.port(int(found[1])) if found[1] else None
        return self._asked(Place(_vmid(found[2]), port, "", host), path)

    def _tunnel(self, host: str, path: bytes) -> Asked:
        found = PATH.fullmatch(path)
        if found is None:
            raise NoPlace("There is no IDE of this name.")
        vmid, rest = _vmid(found[1].decode()), found[2]
        prefix = f"{TUNNEL.decode()}{vmid}"
        port_path = PORT_PATH.fullmatch(rest or b"")
        if port_path is None:
            return self._asked(Place(vmid, None, prefix, host), rest)
        number = port_path[1] or b""
        port = self.port(int(number) if NUMBER.fullmatch(number) else 0)
        return self._asked(Place(vmid, port, f"{prefix}/port/{port}", host), port_path[2])

    def _asked(self, place: Place, path: bytes | None) -> Asked:
        forwarded = OWN_PROXY.match(path) if path and place.port is None else None
        if forwarded:
            number = forwarded[1]
            self.port(int(number) if NUMBER.fullmatch(number) else 0)
        return Asked(place, path)


def _vmid(text: str) -> int:
    if int(text) not in RANGES["dev"]:
        raise NoPlace("There is no IDE of this name.")
    return int(text)
