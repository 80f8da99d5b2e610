"""``hostop:<vmid>``: at most one host operation at a time, taken with SET NX (contract §3.7, row S52)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.exceptions import WatchError

from zpack.control.engine.errors import Refusal
from zpack.control.power.models import PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

    from zpack.control.db.tables import Operation

TTL = 300
CLAIM_TTL = 15
"""Until its row is committed; a process that dies before that blocks the host no longer than this."""


class HostBusy(Refusal):
    """Another host operation runs (row S51): ``{error, operation}``."""

    kind = "conflict"
    code = "host_operation_in_progress"

    def __init__(self, message: str, *, operation: dict[str, Any] | None) -> None:
        super().__init__(message)
        self.envelope = {"operation": operation}


class HostOperations:
    """Reads and writes ``hostop:<vmid>``."""

    def __init__(self, *, redis: Redis) -> None:
        self._redis = redis

    async def claim(self, vmid: int, operation: dict[str, Any]) -> bool:
        """Take the key for a moment; False when another operation holds it."""
        return bool(await self._redis.set(_key(vmid), json.dumps(operation), nx=True, ex=CLAIM_TTL))

    async def hold(self, vmid: int, operation: dict[str, Any]) -> bool:
        """Take the key, or extend it when this operation has it; False when another one does."""
        if await self._redis.set(_key(vmid), json.dumps(operation), nx=True, ex=TTL):
            return True
        held = await self.get_one(vmid)
        if held is None or held.get("id") != operation["id"]:
            return False
        return bool(await self._redis.expire(_key(vmid), TTL))

    async def get_one(self, vmid: int) -> dict[str, Any] | None:
        """Return the running operation, if any."""
        return (await self.get_many([vmid]))[vmid]

    async def get_many(self, vmids: Sequence[int]) -> dict[int, dict[str, Any] | None]:
        """Return the running operations of many servers in one round trip."""
        if not vmids:
            return {}
        found = await self._redis.mget([_key(vmid) for vmid in vmids])
        return {vmid: json.loads(raw) if raw else None for vmid, raw in zip(vmids, found, strict=True)}

    async def release(self, vmid: int, operation_id: str) -> None:
        """Give the key back, unless another operation has it by now."""
        key = _key(vmid)
        async with self._redis.pipeline() as pipeline:
            await pipeline.watch(key)
            raw = await pipeline.get(key)
            if raw is None or json.loads(raw).get("id") != operation_id:
                return
            pipeline.multi()
            pipeline.delete(key)
            with suppress(WatchError):  # it ran out and another took it in this very moment
                await pipeline.execute()


def operation_of(row: Operation) -> dict[str, Any]:
    """Return the operation object of an unfinished row, as its key carries it."""
    return {
        "id": row.id,
        "vmid": row.vmid,
        "type": row.kind.removeprefix(PREFIX),
        "status": "running",
        "startedAt": row.started_at.isoformat(),
        "updatedAt": row.updated_at.isoformat(),
    }


def ask_operations(pipeline: Pipeline, vmids: Sequence[int]) -> None:
    """Add the question for these servers' operations to a pipeline; the answer is JSON or None, in order."""
    pipeline.mget([_key(vmid) for vmid in vmids])


def _key(vmid: int) -> str:
    return f"hostop:{vmid}"
