"""The repair, tick by tick, in a world with counterparts."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from tests.control.provisioning.world import request_for, run
from zpack.control.db.tables import Operation
from zpack.control.operations.actions import Operations
from zpack.control.wiring.repair import build_reconciler
from zpack.control.wiring.rooms import build_repair_plans

if TYPE_CHECKING:
    from pathlib import Path

    from tests.control.provisioning.world import World
    from zpack.control.settings import Settings

NAME = "mc-flying-squid-5000"
CHANGING = ("POST", "PUT", "DELETE")


class Mender:
    """Looks, and lets what it begins be carried out."""

    def __init__(self, world: World, settings: Settings) -> None:
        self.world = world
        self.settings = settings
        self.hints = 0

    async def look(self, times: int = 1, **settings: Any) -> None:
        """Look so many times, each after every poller has been round."""
        wanted = self.settings.model_copy(update=settings)
        operations = Operations(database=self.world.clients.database, hint=lambda: None)
        plans = build_repair_plans(wanted, self.world.clients, operations)
        reconciler = build_reconciler(wanted, self.world.clients, plans, lambda: True)
        for _ in range(times):
            await self.world.heartbeat.tick()
            await reconciler.tick()
            await self.carry_out()

    async def carry_out(self) -> None:
        """Run every delete and host operation that was begun."""
        await self.world.carry_out(["instance-delete", "host-restart"])

    async def rows(self, query: str) -> list[Any]:
        async with self.world.clients.database.transaction() as session:
            return [tuple(row) for row in await session.execute(text(query))]

    async def states(self) -> dict[str, str]:
        return dict(await self.rows("select id, state from repair_findings"))

    async def events(self, finding: str) -> list[str]:
        rows = await self.rows(f"select event from repair_events where finding_id = '{finding}' order by id")
        return [row[0] for row in rows]

    def lose(self, vmid: int) -> None:
        """Lose a container."""
        self.world.cluster.cts.remove(self.world.cluster.ct(vmid))

    async def forget_row(self, vmid: int) -> None:
        """Lose a row, as a restored database does."""
        async with self.world.clients.database.transaction() as session:
            await session.execute(text(f"delete from instances where vmid = {vmid}"))

    async def stuck_create(self, vmid: int) -> str:
        """Leave a create whose every step was done but the last, and that nobody works on."""
        operation_id, ended = f"op_stuck{vmid}", datetime.now(UTC) - timedelta(hours=1)
        state = request_for(vmid, operation_id)
        await run(self.world.create[:4], dict(state))
        async with self.world.clients.database.transaction() as session:
            session.add(
                Operation(
                    id=operation_id,
                    kind="instance-create",
                    status="running",
                    phase="await-ready",
                    customer_id="u-ada",
                    vmid=vmid,
                    hostname=state["hostname"],
                    request_id="r",
                    input=state,
                    deadline=ended,
                    started_at=ended,
                    updated_at=ended,
                )
            )
        return operation_id

    def environment(self) -> dict[str, str]:
        """Return the settings as a program of its own is told them."""
        settings = self.settings
        return {
            "PATH": os.environ["PATH"],
            "PORT": "0",
            "DATABASE_URL": settings.database_url.get_secret_value(),
            "API_AUTH_SECRET": settings.auth_secret.get_secret_value(),
            "ZPACK_AGENT_SECRET": settings.agent_secret.get_secret_value(),
            "ZPACK_SECRET": settings.edge_secret.get_secret_value(),
            "PROXMOX_HOST": settings.proxmox_host,
            "PROXMOX_NODE": settings.proxmox_node,
            "PROXMOX_API_TOKEN": settings.proxmox_token.get_secret_value(),
            "VELOCITY_URL": settings.velocity_url,
            "ARTIFACT_BASE_URL": settings.artifact_base_url,
            "ZLH_AGENT_PORT": str(settings.agent_port),
            "AGENT_TEMPLATE_VMID": str(settings.template_vmid),
        }

    async def killed_while_mending(self, step: str, folder: Path) -> int | None:
        """Run the real program, which dies before it undoes this step; return how it ended."""
        planted = {
            "ZPACK_REPAIR_SECONDS": "0.2",
            "ZPACK_KILL_AT": f"repair:undo-{step}:before",
            "ZPACK_KILL_MARKER": str(folder / "killed"),
        }
        command = [sys.executable, "-m", "zpack.control", "serve", "--embedded"]
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command, env=self.environment() | planted, stdout=log, stderr=log
            )
            return await process.wait()

    def changes(self) -> list[tuple[str, str, str]]:
        """Return system, method and path of every call that changed something, as the counterparts saw it."""
        prefix = "/api2/json"
        asked = self.world.cluster.requests
        cluster = [("proxmox", m, p.removeprefix(prefix)) for m, p, _ in asked if m in CHANGING]
        return cluster + [("velocity", "POST", p) for p, _ in self.world.edge.calls if p != "/zpack/status"]

    def forget_calls(self) -> None:
        self.world.cluster.requests.clear()
        self.world.edge.calls.clear()
