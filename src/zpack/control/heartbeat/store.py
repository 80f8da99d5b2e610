"""The last word of each agent: ``agent:<vmid>`` in Redis, gone after 15 s without a new one (§3.7)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

TTL = 15


class AgentWords:
    """Reads and writes ``agent:<vmid>``."""

    def __init__(self, *, redis: Redis) -> None:
        self._redis = redis

    async def put(self, vmid: int, word: dict[str, Any]) -> None:
        """Remember what an agent said."""
        await self._redis.set(f"agent:{vmid}", json.dumps(word), ex=TTL)

    async def get_one(self, vmid: int) -> dict[str, Any] | None:
        """Return an agent's last word, or None when it is older than the TTL."""
        return (await self.get_many([vmid]))[vmid]

    async def get_many(self, vmids: Sequence[int]) -> dict[int, dict[str, Any] | None]:
        """Return the last words of many agents in one round trip."""
        if not vmids:
            return {}
        found = await self._redis.mget([f"agent:{vmid}" for vmid in vmids])
        return {vmid: json.loads(raw) if raw else None for vmid, raw in zip(vmids, found, strict=True)}

    async def remove(self, vmid: int) -> None:
        """Forget a deleted server's agent."""
        await self._redis.delete(f"agent:{vmid}")
