"""Ranges of public ports, and what leads where: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?/(tcp\+udp|udp\+tcp|tcp|udp)")
PORT_MAX = 65535
PORTS_MOST = 20_000
"""Every port is an entry point of Traefik, which holds a socket and some 130 KiB for it."""


@dataclass(frozen=True)
class PortRange:
    """Neighbouring ports of one protocol."""

    protocol: str
    first: int
    last: int

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self.first <= number <= self.last


@dataclass(frozen=True)
class Wanted:
    """A port inside a container that the public shall reach, and the number it should have outside."""

    protocol: str
    target: int
    preferred: int


@dataclass(frozen=True)
class Assigned:
    """A public port that leads to a port inside a container."""

    protocol: str
    number: int
    target: int


def parse_ranges(text: str) -> tuple[PortRange, ...]:
    """Return the ranges of ``30000-30999/tcp+udp,28015/udp``. Raises ValueError."""
    found: list[PortRange] = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        match = RANGE.fullmatch(word)
        if match is None:
            msg = "must look like 30000-30999/tcp+udp,28015/udp"
            raise ValueError(msg)
        first, last = int(match[1]), int(match[2] or match[1])
        if not 0 < first <= last <= PORT_MAX:
            msg = f"a range must ascend and lie between 1 and {PORT_MAX}"
            raise ValueError(msg)
        found += [PortRange(protocol, first, last) for protocol in sorted(match[3].split("+"))]
    _check(found)
    return tuple(found)


def _check(ranges: Sequence[PortRange]) -> None:
    if sum(one.last - one.first + 1 for one in ranges) > PORTS_MOST:
        msg = f"must not name more than {PORTS_MOST} ports"
        raise ValueError(msg)
    ordered = sorted(ranges, key=lambda one: (one.protocol, one.first))
    for one, after in pairwise(ordered):
        if one.protocol == after.protocol and after.first <= one.last:
            msg = "must not name a port twice"
            raise ValueError(msg)


def each_port(ranges: Iterable[PortRange]) -> Iterator[tuple[str, int]]:
    """Yield protocol and number of every port."""
    for one in ranges:
        for number in range(one.first, one.last + 1):
            yield one.protocol, number


def allocated_ports(targets: Sequence[int], assigned: Iterable[Assigned]) -> dict[str, Any]:
    """Return a server's column of that name: the ports inside, and the number each has outside."""
    public = {str(one.target): one.number for one in assigned}
    return {"game": list(targets)} | ({"public": public} if public else {})
