"""Signs of use that leave no other trace: keys typed into shells, traffic of IDEs.

``active:<vmid>`` in Redis, so that every replica's count; what reads it writes to the database what matters.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

log = logging.getLogger("zpack.heartbeat")
TTL = 3600
NOTED_SECONDS = 15.0
"""One server's use is written no more often than this."""
NOTED_MOST = 10_000


class Activities:
    """Reads and writes ``active:<vmid>``."""

    def __init__(self, *, redis: Redis) -> None:
        self._redis = redis
        self._noted: OrderedDict[int, float] = OrderedDict()

    async def note(self, vmid: int, what: str) -> None:
        """Say that a server is in use now; it never fails and mostly costs a look into memory."""
        now = time.monotonic()
        if now - self._noted.get(vmid, -NOTED_SECONDS) < NOTED_SECONDS:
            return
        self._noted[vmid] = now
        self._noted.move_to_end(vmid)
        if len(self._noted) > NOTED_MOST:
            self._noted.popitem(last=False)
        try:
            await self._redis.set(_key(vmid), f"{time.time():.3f} {what}", ex=TTL)
        except (RedisError, OSError) as failure:
            self._noted.pop(vmid, None)
            log.warning("the use of CT %s cannot be kept: %s", vmid, type(failure).__name__)

    async def get_many(self, vmids: Sequence[int]) -> dict[int, tuple[datetime, str]]:
        """Return when these servers were last in use, and how; those nobody spoke of are left out."""
        found = await self._redis.mget([_key(vmid) for vmid in vmids]) if vmids else []
        return {vmid: _parsed(str(raw)) for vmid, raw in zip(vmids, found, strict=True) if raw}


def _parsed(raw: str) -> tuple[datetime, str]:
    at, _, what = raw.partition(" ")
    return datetime.fromtimestamp(float(at), UTC), what


def _key(vmid: int) -> str:
    return f"active:{vmid}"
