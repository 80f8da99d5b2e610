"""What the game proxy listed when it was last asked: one Redis hash, gone after 15 s without an answer.

A proxy that lists nothing at all proves nothing (row S35): then there is no hash.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

KEY = "edge:backends"
LISTED = "*listed"
TTL = 15


class Registrations:
    """Reads and writes the hash ``edge:backends``: short name → ``address:port``."""

    def __init__(self, *, redis: Redis) -> None:
        self._redis = redis

    async def replace(self, listed: Mapping[str, str]) -> None:
        """Remember what the proxy lists now."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(KEY)
            if listed:
                pipeline.hset(KEY, mapping={**listed, LISTED: f"{time.time():.3f}"})
                pipeline.expire(KEY, TTL)
            await pipeline.execute()

    async def touch(self) -> None:
        """Say that the proxy lists what it listed before."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(KEY, LISTED, f"{time.time():.3f}")
            pipeline.expire(KEY, TTL)
            await pipeline.execute()

    async def known(self) -> bool:
        """Say whether there is a list."""
        return bool(await self._redis.exists(KEY))

    async def put(self, name: str, place: str | None) -> None:
        """Remember one registration of our own doing, or its end, if there is a list at all."""
        if not await self.known():
            return
        if place is None:
            await self._redis.hdel(KEY, name)  # pyright: ignore[reportGeneralTypeIssues]
        else:
            await self._redis.hset(KEY, name, place)  # pyright: ignore[reportGeneralTypeIssues]


def place_of(address: str, port: int) -> str:
    """Return how a registration's target is written."""
    return f"{address}:{port}"


def ask_registrations(pipeline: Pipeline, names: Sequence[str]) -> None:
    """Add the question for these names to a pipeline; :func:`told_registrations` reads the answer."""
    pipeline.hmget(KEY, [LISTED, *names])


def told_registrations(answer: Sequence[str | None]) -> tuple[str | None, Sequence[str | None]]:
    """Return when the proxy listed anything (RFC 3339; None: unknown), and each name's place."""
    listed = answer[0]
    at = datetime.fromtimestamp(float(listed), UTC).isoformat() if listed else None
    return at, answer[1:]
