"""``backup-turn:<vmid>``: between the count of a server's backups and the next one nobody else counts."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

from zpack.control.engine.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from redis.asyncio import Redis

TTL = 60
"""A little longer than the two calls of a turn may take together."""


class BackupUnderWay(Refusal):
    """Another backup of this server is just being begun."""

    kind = "conflict"
    code = "operation_in_progress"


class Turns:
    """Takes and gives back the turn of a server."""

    def __init__(self, *, redis: Redis) -> None:
        self._redis = redis

    @contextlib.asynccontextmanager
    async def taken(self, vmid: int) -> AsyncGenerator[None]:
        """Hold the turn. Raises BackupUnderWay."""
        key, mine = f"backup-turn:{vmid}", secrets.token_hex(8)
        if not await self._redis.set(key, mine, nx=True, ex=TTL):
            raise BackupUnderWay("Another backup of this server is being begun.")
        try:
            yield
        finally:
            if await self._redis.get(key) == mine:
                await self._redis.delete(key)
