"""The last look at the cluster: one Redis hash, gone when nobody has looked for 15 s."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

KEY = "hosts"
LOOKED = "*looked"
TTL = 15


@dataclass(frozen=True, slots=True)
class HostState:
    """A container's power state in Proxmox's word (``running``, ``stopped``, …), and its node."""

    power: str
    node: str

    def __str__(self) -> str:
        return f"{self.power} {self.node}"

    @classmethod
    def parse(cls, text: str) -> HostState:
        """Read what ``str`` wrote."""
        power, _, node = text.partition(" ")
        return cls(power, node)


class HostStates:
    """Reads and writes the hash ``hosts``: VMID → power and node."""

    def __init__(self, *, redis: Redis) -> None:
        self._redis = redis

    async def replace(self, states: Mapping[int, HostState]) -> None:
        """Forget what was known and remember this."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(KEY)
            pipeline.hset(KEY, mapping=_fields(states) | {LOOKED: f"{time.time():.3f}"})
            pipeline.expire(KEY, TTL)
            await pipeline.execute()

    async def powers(self) -> dict[str, int]:
        """Return how many containers are in which power state."""
        found: Counter[str] = Counter()
        for field, text in (await self._redis.hgetall(KEY)).items():  # pyright: ignore[reportGeneralTypeIssues]
            if field != LOOKED:
                found[HostState.parse(str(text)).power] += 1
        return dict(found)

    async def update(self, changed: Mapping[int, HostState], gone: Collection[int]) -> None:
        """Remember what changed since the last look, and that we have just looked."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(KEY, mapping=_fields(changed) | {LOOKED: f"{time.time():.3f}"})
            if gone:
                pipeline.hdel(KEY, *(str(vmid) for vmid in gone))
            pipeline.expire(KEY, TTL)
            await pipeline.execute()

    async def put(self, vmid: int, state: HostState) -> None:
        """Remember one container's state that we have just brought about; the next look may be older."""
        await self._redis.hset(KEY, str(vmid), str(state))  # pyright: ignore[reportGeneralTypeIssues]

    async def remove(self, vmid: int) -> None:
        """Forget a container that we have just taken away; the next look may never have seen it."""
        await self._redis.hdel(KEY, str(vmid))  # pyright: ignore[reportGeneralTypeIssues]

    async def running(self, vmids: Sequence[int]) -> set[int]:
        """Return those of these containers that ran at the last look, if anyone has looked lately."""
        pipeline = self._redis.pipeline(transaction=False)
        ask_hosts(pipeline, vmids)
        at, states = told_hosts((await pipeline.execute())[0])
        if at is None:
            return set()
        found = zip(vmids, states, strict=True)
        return {vmid for vmid, text in found if text and HostState.parse(text).power == "running"}

    async def looked(self) -> bool:
        """Say whether anyone has looked within the TTL."""
        return bool(await self._redis.hexists(KEY, LOOKED))  # pyright: ignore[reportGeneralTypeIssues]


def ask_hosts(pipeline: Pipeline, vmids: Sequence[int]) -> None:
    """Add the question for these containers to a pipeline; :func:`told_hosts` reads the answer."""
    pipeline.hmget(KEY, [LOOKED, *(str(vmid) for vmid in vmids)])


def told_hosts(answer: Sequence[str | None]) -> tuple[str | None, Sequence[str | None]]:
    """Return when anyone looked (RFC 3339; None: nobody lately), and each container's state as text."""
    looked = answer[0]
    at = datetime.fromtimestamp(float(looked), UTC).isoformat() if looked else None
    return at, answer[1:]


def _fields(states: Mapping[int, HostState]) -> dict[Any, Any]:
    return {str(vmid): str(state) for vmid, state in states.items()}
