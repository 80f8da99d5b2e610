"""Rate limits on what can be guessed, kept in Redis so that replicas share them."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.control.engine.errors import Refusal

if TYPE_CHECKING:
    from redis.asyncio import Redis


class TooManyTries(Refusal):
    """The caller tried too often; ``details.retryAfter`` is in seconds."""

    kind = "limit"
    code = "too_many_requests"


@dataclass(frozen=True)
class Rate:
    """``amount`` tries in each window of ``seconds``."""

    amount: int
    seconds: int


class RateLimit:
    """Fixed windows, one counter per rule and subject. Subjects are hashed: no name lands in Redis."""

    def __init__(self, *, redis: Redis, rates: dict[str, Rate]) -> None:
        self._redis = redis
        self._rates = rates

    async def hit(self, rule: str, subject: str) -> None:
        """Count one try. Raises TooManyTries."""
        rate = self._rates[rule]
        digest = hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        key = f"limit:{rule}:{digest}"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(key, 0, ex=rate.seconds, nx=True)
            pipe.incr(key)
            pipe.ttl(key)
            _, count, left = await pipe.execute()
        if int(count) > rate.amount:
            details = {"retryAfter": max(1, int(left))}
            raise TooManyTries(f"Too many tries; wait {details['retryAfter']} seconds.", details=details)


def network_of(address: str) -> str:
    """Return what counts as one address: of IPv6 the network of 64 bits that one customer line has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((int(parsed), 64), strict=False))
