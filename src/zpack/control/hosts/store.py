"""The last look at the cluster: one Redis hash, gone when nobody has looked for 15 s."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

KEY = "hosts"
NOTED = "hosts:noted"
LOOKED = "*looked"
TTL = 15
NOTED_TTL = 60


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

    async def powers(self) -> dict[str, int]:
        """Return how many containers are in which power state."""
        found: Counter[str] = Counter()
        for field, text in (await self._redis.hgetall(KEY)).items():  # pyright: ignore[reportGeneralTypeIssues]
            if field != LOOKED:
                found[HostState.parse(str(text)).power] += 1
        return dict(found)

    async def update(self, moved: Mapping[int, HostState | None], settled: Collection[int]) -> None:
        """Remember what moved (None: it is gone), drop notes that are settled, and that we have looked."""
        there = {str(vmid): str(state) for vmid, state in moved.items() if state is not None}
        gone = [str(vmid) for vmid, state in moved.items() if state is None]
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(KEY, mapping={**there, LOOKED: f"{time.time():.3f}"})
            for key, fields in ((KEY, gone), (NOTED, [str(vmid) for vmid in settled])):
                if fields:
                    pipeline.hdel(key, *fields)
            pipeline.expire(KEY, TTL)
            await pipeline.execute()

    async def put(self, vmid: int, state: HostState) -> None:
        """Note one container's state that we have just brought about; the next look may be older."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(KEY, str(vmid), str(state))
            pipeline.hset(NOTED, str(vmid), f"{time.time():.3f}")
            pipeline.expire(NOTED, NOTED_TTL)
            await pipeline.execute()

    async def remove(self, vmid: int) -> None:
        """Forget a container that we have just taken away; the next look may never have seen it."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hdel(KEY, str(vmid))
            pipeline.hdel(NOTED, str(vmid))
            await pipeline.execute()

    async def noted(self) -> dict[int, float]:
        """Return when each state that was lately brought about was noted, by VMID."""
        found = await self._redis.hgetall(NOTED)  # pyright: ignore[reportGeneralTypeIssues]
        return {int(vmid): float(at) for vmid, at in found.items()}

    async def known(self) -> set[int]:
        """Return every container of which a state is kept."""
        found = await self._redis.hkeys(KEY)  # pyright: ignore[reportGeneralTypeIssues]
        return {int(vmid) for vmid in found if vmid != LOOKED}

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
