"""Ann's standing, changed at will, and the reconciler that follows it, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from zpack.control.entitlements import store
from zpack.control.power.models import KINDS
from zpack.control.wiring.work import suspension_reconciler

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.settings import Settings
    from zpack.control.suspension.reconciler import SuspensionReconciler

SERVER = "/api/servers/5000"
NAME = "mc-flying-squid-5000"


@dataclass(frozen=True)
class Hers:
    """Ann, her server 5000, and what follows from how she stands."""

    world: World
    caller: Caller
    user_id: str
    reconciler: SuspensionReconciler

    @classmethod
    def of(cls, world: World, settings: Settings, caller: Caller, user_id: str) -> Hers:
        reconciler = suspension_reconciler(settings, world.clients, alone=lambda: True, hint=lambda: None)
        return cls(world, caller, user_id, reconciler)

    async def stands(self, state: str, **more: Any) -> None:
        """Let billing say how she stands."""
        async with self.world.clients.database.transaction() as session:
            await store.grant(session, self.user_id, server_state=state, **more)  # type: ignore[arg-type]

    async def settle(self, rounds: int = 3) -> None:
        """Let the reconciler come round, and what it begins be done, until nothing is left to do."""
        for _ in range(rounds):
            await self.reconciler.tick()
            await self.world.carry_out(KINDS)
            await self.world.watch.tick()
            await self.world.reconciler.tick()

    @property
    def power(self) -> str:
        return self.world.cluster.ct(5000).status

    async def view(self) -> dict[str, Any]:
        return (await self.caller.get(SERVER)).body

    async def rows(self, query: str) -> list[Any]:
        async with self.world.clients.database.transaction() as session:
            return [tuple(row) for row in await session.execute(text(query))]

    async def host_operations(self) -> list[tuple[str, str]]:
        """Return kind and status of every host operation so far."""
        return await self.rows(
            "select kind, status from operations where kind like 'host-%' order by started_at"
        )

    async def did(self, *kinds: str) -> bool:
        """Say whether exactly these host operations were begun, and have succeeded."""
        return await self.host_operations() == [(kind, "succeeded") for kind in kinds]

    async def kept(self) -> list[tuple[int, bool]]:
        return await self.rows("select vmid, was_running from suspended_servers")
