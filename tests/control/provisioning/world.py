"""A whole world for the provisioning rooms: real clients and database, scripted counterparts."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fakeredis import FakeAsyncRedis
from sqlalchemy import text

from tests.control.provisioning.counterparts import (
    SECRET,
    TEMPLATE,
    TOKEN,
    AgentScripts,
    Cluster,
    GameProxy,
    every_path,
    serving,
)
from zpack.control.accounts.models import User
from zpack.control.engine.budget import Budget
from zpack.control.heartbeat.poller import Heartbeat
from zpack.control.heartbeat.store import AgentWords
from zpack.control.instances.actions import Instances
from zpack.control.outside.agent import Agents
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.proxmox import Proxmox
from zpack.control.outside.velocity import Velocity
from zpack.control.provisioning.lanes import Lanes
from zpack.control.provisioning.removal import DeleteSteps
from zpack.control.provisioning.settings import ProvisioningSettings
from zpack.control.provisioning.steps import CreateSteps
from zpack.control.provisioning.workflow import create_workflow, delete_workflow
from zpack.control.publishing.actions import Publishing
from zpack.control.publishing.reconciler import EdgeReconciler

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from zpack.control.db.session import Database
    from zpack.control.engine.steps import State, Step, Workflow

SETTINGS = ProvisioningSettings(
    template_vmid=TEMPLATE,
    storage=None,
    pool=None,
    bridge="vmbr3",
    clone_width=1,
    budget=timedelta(seconds=60),
    delete_budget=timedelta(seconds=60),
)
TABLES = (
    "instances, deleted_instances, vmid_counters, vmid_reservations, operations, idempotency_keys, audit_log"
)
ADA = User("u-ada", "ada@example.net", "ada", None, None, None, "user")
EVE = User("u-eve", "eve@example.net", "eve", None, None, None, "user")
ROOT = User("u-root", "root@example.net", "root", None, None, None, "admin")


@dataclass(frozen=True)
class World:
    """Everything a create or delete touches."""

    database: Database
    cluster: Cluster
    scripts: AgentScripts
    edge: GameProxy
    proxmox: Proxmox
    agents: Agents
    velocity: Velocity
    words: AgentWords
    redis: FakeAsyncRedis
    instances: Instances
    publishing: Publishing
    reconciler: EdgeReconciler
    heartbeat: Heartbeat
    create: Workflow
    delete: Workflow

    async def left(self) -> dict[str, Any]:
        """Return what exists: containers, rows, reservations, registrations."""
        async with self.database.transaction() as session:
            rows = await session.scalars(text("select vmid from instances order by vmid"))
            held = await session.scalars(text("select vmid from vmid_reservations order by vmid"))
            return {
                "containers": self.cluster.ours(),
                "rows": list(rows),
                "reserved": list(held),
                "registered": sorted(self.edge.servers),
            }

    def budget(self) -> Budget:
        """Return a budget for one call."""
        return Budget.seconds(20)


NOTHING = {"containers": [], "rows": [], "reserved": [], "registered": []}


def request_for(vmid: int, operation_id: str, owner: str = "u-ada") -> State:
    """Return the state a create begins with."""
    return {
        "vmid": vmid,
        "hostname": f"mc-flying-squid-{vmid}",
        "operation_id": operation_id,
        "customer_id": owner,
        "request": {
            "game": "minecraft", "variant": "flying-squid", "version": "1.21.4", "world": "world", "memory": 1024,
            "cores": 1, "artifact_path": "minecraft/flying-squid/1.21.4/server.tar.gz", "java_path": "",
        },
    }  # fmt: skip


async def run(steps: tuple[Step, ...], state: State, *, repeat: bool = False) -> State:
    """Do every step in order, each of them twice when asked."""
    for step in steps:
        facts = await step.do(state) or {}
        if repeat:
            facts = {**facts, **(await step.do(state) or {})}
        state |= facts
    return state


async def unwind(steps: tuple[Step, ...], state: State) -> None:
    """Undo steps, last first."""
    for step in reversed(steps):
        if step.undo is not None:
            await step.undo(state)


@contextlib.asynccontextmanager
async def built(database: Database) -> AsyncGenerator[World]:
    """Build a world over an emptied database."""
    async with database.transaction() as session:
        await session.execute(text(f"truncate {TABLES}"))
    cluster, scripts, edge, redis = Cluster(), AgentScripts(), GameProxy(), FakeAsyncRedis()
    async with (
        serving(cluster._build_app(), "127.82.0.1") as pve,
        serving(every_path(scripts.answer), "0.0.0.0") as agent,
        serving(every_path(edge.answer), "127.82.0.2") as registry,
        contextlib.AsyncExitStack() as stack,
    ):
        proxmox = Proxmox(
            base_url=f"http://127.82.0.1:{pve}", token=TOKEN, node="local", http=ForeignHttp(name="Proxmox")
        )
        agents = Agents(http=ForeignHttp(name="the agent"), port=agent, master="m" * 20, fixed_token=None)
        velocity = Velocity(
            base_url=f"http://127.82.0.2:{registry}", secret=SECRET, http=ForeignHttp(name="the game proxy")
        )
        for client in (proxmox, agents, velocity):
            stack.push_async_callback(client.close)
        stack.push_async_callback(redis.aclose)
        yield _world(database, cluster, scripts, edge, proxmox, agents, velocity, redis)


def _world(
    database: Database,
    cluster: Cluster,
    scripts: AgentScripts,
    edge: GameProxy,
    proxmox: Proxmox,
    agents: Agents,
    velocity: Velocity,
    redis: FakeAsyncRedis,
) -> World:
    instances, words = Instances(database=database), AgentWords(redis=redis)
    publishing = Publishing(
        database=database, instances=instances, velocity=velocity, words=words, domain="zpack.localhost"
    )
    create = CreateSteps(
        database=database,
        proxmox=proxmox,
        agents=agents,
        publishing=publishing,
        lanes=Lanes(database=database, width=1),
        settings=SETTINGS,
    )
    delete = DeleteSteps(database=database, proxmox=proxmox, publishing=publishing, words=words)
    return World(
        database=database,
        cluster=cluster,
        scripts=scripts,
        edge=edge,
        proxmox=proxmox,
        agents=agents,
        velocity=velocity,
        words=words,
        redis=redis,
        instances=instances,
        publishing=publishing,
        reconciler=EdgeReconciler(database=database, velocity=velocity),
        heartbeat=Heartbeat(database=database, agents=agents, words=words),
        create=create_workflow(create, SETTINGS),
        delete=delete_workflow(delete, SETTINGS),
    )
