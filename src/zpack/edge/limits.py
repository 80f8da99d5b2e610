"""How much one stranger may ask of us: new connections a second, half-open ones, connections in all."""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REMEMBERED = 10_000
V6_PREFIX = 64


@dataclass(frozen=True)
class Limits:
    """The numbers; counts are connections, ``rate`` is per second and address."""

    rate: float = 20.0
    burst: int = 150
    half_open: int = 1024
    half_open_per_address: int = 64
    connections: int = 8192
    connections_per_address: int = 512


def bucket_of(host: str) -> str:
    """Return whom an address counts for: a network of 64 bits is one stranger in IPv6."""
    try:
        address = ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, V6_PREFIX), strict=False))


class Rate:
    """A token bucket for each address; the least recently seen are forgotten first."""

    def __init__(self, *, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = rate, float(burst), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allow(self, bucket: str) -> bool:
        """Take one token, or say no."""
        now = self._clock()
        tokens, seen = self._buckets.pop(bucket, (self._burst, now))
        tokens = min(self._burst, tokens + (now - seen) * self._rate)
        allowed = tokens >= 1
        self._buckets[bucket] = (tokens - allowed, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return allowed


class Counts:
    """Counts connections of one kind, in all and for each address."""

    def __init__(self, *, total: int, per_address: int) -> None:
        self._total, self._per_address = total, per_address
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._counts.total()

    def enter(self, bucket: str, *, exempt: bool = False) -> bool:
        """Count one more, or say no. A trusted balancer is exempt from the limit for one address."""
        crowded = not exempt and self._counts[bucket] >= self._per_address
        if crowded or self._counts.total() >= self._total:
            return False
        self._counts[bucket] += 1
        return True

    def leave(self, bucket: str) -> None:
        """Count one less."""
        self._counts[bucket] -= 1
        if self._counts[bucket] <= 0:
            del self._counts[bucket]
