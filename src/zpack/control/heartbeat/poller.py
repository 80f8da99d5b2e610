"""Asks every agent how it is, every few seconds, and writes its word to Redis (contract §3.7).

Ticks never overlap; calls are bounded in number and time; an agent that is away costs one short time-out.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError
from zpack.control.heartbeat.readiness import decide_readiness
from zpack.control.instances import store

if TYPE_CHECKING:
    from zpack.control.db.session import Database
    from zpack.control.db.tables import ContainerInstance
    from zpack.control.heartbeat.store import AgentWords
    from zpack.control.outside.agent import Agents

AT_ONCE = 32


class Heartbeat:
    """The poller of all agents."""

    def __init__(self, *, database: Database, agents: Agents, words: AgentWords) -> None:
        self._database = database
        self._agents = agents
        self._words = words

    async def tick(self) -> None:
        """Poll every server that has an address, once."""
        async with self._database.transaction() as session:
            rows = await store.list_all(session)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(row: ContainerInstance) -> None:
            async with gate:
                await self.poll(row)

        async with asyncio.TaskGroup() as group:
            for row in rows:
                if row.ip:
                    group.create_task(one(row))

    async def poll(self, row: ContainerInstance) -> dict[str, Any]:
        """Ask one agent, remember its word, and return it."""
        ip = row.ip or ""
        token = self._agents.token_for(row.vmid, str(row.payload.get("agent_seed", "")))
        word: dict[str, Any] = {"hostOnline": False, "ready": False, "error": None}
        try:
            word |= await self._agents.status(ip, token)
            verdict = decide_readiness(*await self._agents.ready(ip, token))
        except ForeignError as failure:
            word["error"] = failure.message
            word["ready"] = False
        else:
            word |= {
                "hostOnline": True,
                "ready": verdict.ready,
                "readySource": verdict.source,
                "readyError": verdict.reason,
            }
            word["players"] = await self._players(row, ip, token) if verdict.ready else None
        word["lastSeen"] = int(time.time() * 1000)
        await self._words.put(row.vmid, word)
        return word

    async def _players(self, row: ContainerInstance, ip: str, token: str) -> dict[str, Any] | None:
        if row.payload.get("game") != "minecraft":
            return None
        try:
            return await self._agents.players(ip, token)
        except ForeignError:
            return None
