"""A server that nobody uses, and the reconciler that follows it, step by step, at moments of our choice."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from zpack.control.power.models import KINDS

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.idle.reconciler import IdleReconciler

SERVER = "/api/servers/5000"
NAME = "mc-flying-squid-5000"
NOBODY: dict[str, Any] = {
    "hostOnline": True, "state": "running", "ready": True,
    "players": {"online": 0, "max": 20, "players": []},
}  # fmt: skip


@dataclass(frozen=True)
class Resting:
    """Ann, her server 5000, and what becomes of it."""

    world: World
    caller: Caller
    user_id: str
    reconciler: IdleReconciler

    async def rule(self, **body: Any) -> Any:
        return await self.caller.put(f"{SERVER}/idle", body)

    async def word(self, **more: Any) -> None:
        """Let the agent have said this."""
        await self.world.words.put(5000, NOBODY | {"lastSeen": int(time.time() * 1000)} | more)

    async def say_nobody(self) -> None:
        """Let the agent say that nobody plays, also when it is asked."""

        async def players(_request: Any) -> Any:
            return self._answer(NOBODY["players"])

        self.world.scripts.special["/game/players"] = players
        await self.word()

    @staticmethod
    def _answer(body: Any) -> Any:
        from aiohttp import web  # noqa: PLC0415 - only here

        return web.Response(text=json.dumps(body), content_type="application/json")

    async def long_ago(self) -> None:
        """Let everything that happened have happened two hours earlier."""
        for statement in (
            "update audit_log set created_at = created_at - interval '2 hours'",
            "update operations set finished_at = finished_at - interval '2 hours'",
            "update instances set created_at = created_at - interval '2 hours'",
            "update idle_servers set active_at = active_at - interval '2 hours'",
        ):
            async with self.world.clients.database.transaction() as session:
                await session.execute(text(statement))
        for memory in self.reconciler._memory.values():
            memory.used = None
            if memory.quiet_since is not None:
                memory.quiet_since = memory.quiet_since.replace(year=2000)

    async def quiet(self) -> None:
        """Have nobody there for two hours, and the reconciler know it."""
        await self.rule(enabled=True, minutes=30)
        await self.say_nobody()
        await self.tick()
        await self.long_ago()
        await self.tick()

    async def tick(self) -> None:
        """Look at the cluster, hear the agent say once more what it said last, and come round."""
        await self.world.watch.tick()
        await self.word()
        await self.reconciler.tick()

    async def carry_out(self) -> None:
        """Let what was begun be done."""
        await self.world.carry_out(KINDS)
        await self.world.watch.tick()

    async def asleep(self) -> None:
        """Have it stopped."""
        await self.quiet()
        await self.carry_out()
        await self.reconciler.tick()

    async def begun(self) -> list[str]:
        """Return every host operation so far."""
        async with self.world.clients.database.transaction() as session:
            query = "select kind from operations where kind like 'host-%' order by started_at"
            return [row[0] for row in await session.execute(text(query))]

    async def view(self) -> dict[str, Any]:
        return (await self.caller.get(SERVER)).body

    async def idle(self) -> dict[str, Any]:
        return (await self.caller.get(f"{SERVER}/idle")).body
