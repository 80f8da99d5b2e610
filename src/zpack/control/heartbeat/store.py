"""The last word of each agent: ``agent:<vmid>`` in Redis, gone after 15 s without a new one (§3.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

TTL = 15


class AgentWords:
    """Reads and writes ``agent:<vmid>``."""

    def __init__(self, *, redis: Redis) -> None:
        self._redis = redis

    async def put(self, vmid: int, word: dict[str, Any]) -> None:
        """Remember what an agent said."""
        await self._redis.set(_key(vmid), orjson.dumps(word), ex=TTL)

    async def put_many(self, words: Sequence[tuple[int, bytes]]) -> None:
        """Remember what many agents said (each as JSON) in one round trip."""
        pipeline = self._redis.pipeline(transaction=False)
        for vmid, word in words:
            pipeline.set(_key(vmid), word, ex=TTL)
        await pipeline.execute()

    async def get_one(self, vmid: int) -> dict[str, Any] | None:
        """Return an agent's last word, or None when it is older than the TTL."""
        return (await self.get_many([vmid]))[vmid]

    async def get_many(self, vmids: Sequence[int]) -> dict[int, dict[str, Any] | None]:
        """Return the last words of many agents in one round trip."""
        if not vmids:
            return {}
        found = await self._redis.mget([_key(vmid) for vmid in vmids])
        return {vmid: orjson.loads(raw) if raw else None for vmid, raw in zip(vmids, found, strict=True)}

    async def remove(self, vmid: int) -> None:
        """Forget a deleted server's agent."""
        await self._redis.delete(_key(vmid))


def ask_words(pipeline: Pipeline, vmids: Sequence[int]) -> None:
    """Add the question for these agents' words to a pipeline; the answer is their JSON or None, in order."""
    pipeline.mget([_key(vmid) for vmid in vmids])


def _key(vmid: int) -> str:
    return f"agent:{vmid}"
