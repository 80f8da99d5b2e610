"""``hostop:<vmid>``: at most one host operation at a time, taken with SET NX (contract §3.7, row S52)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

TTL = 300


class HostOperations:
    """Reads and writes ``hostop:<vmid>``."""

    def __init__(self, *, redis: Redis) -> None:
        self._redis = redis

    async def claim(self, vmid: int, operation: dict[str, Any]) -> bool:
        """Take the key; False when another operation holds it."""
        return bool(await self._redis.set(f"hostop:{vmid}", json.dumps(operation), nx=True, ex=TTL))

    async def get_one(self, vmid: int) -> dict[str, Any] | None:
        """Return the running operation, if any."""
        return (await self.get_many([vmid]))[vmid]

    async def get_many(self, vmids: Sequence[int]) -> dict[int, dict[str, Any] | None]:
        """Return the running operations of many servers in one round trip."""
        if not vmids:
            return {}
        found = await self._redis.mget([f"hostop:{vmid}" for vmid in vmids])
        return {vmid: json.loads(raw) if raw else None for vmid, raw in zip(vmids, found, strict=True)}

    async def release(self, vmid: int, operation_id: str) -> None:
        """Give the key back, unless another operation has it by now."""
        held = await self.get_one(vmid)
        if held is not None and held.get("id") == operation_id:
            await self._redis.delete(f"hostop:{vmid}")
