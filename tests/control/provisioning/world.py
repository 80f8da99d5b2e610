"""A whole world for the provisioning rooms: the product's own wiring, scripted counterparts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from zpack.control.accounts.models import User
from zpack.control.engine.shards import SHARDS
from zpack.control.heartbeat.poller import Heartbeat
from zpack.control.hosts.poller import ClusterWatch
from zpack.control.instances import store
from zpack.control.operations.store import list_active, set_finished
from zpack.control.power.reconciler import HostOperationKeys
from zpack.control.wiring import build_publishing, build_stores, build_workflows
from zpack.control.wiring.edge import build_link_reconcilers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.control.provisioning.counterparts import AgentScripts, Cluster, Counterparts, GameProxy
    from zpack.control.db.tables import ContainerInstance
    from zpack.control.engine.steps import State, Step, Workflow
    from zpack.control.heartbeat.store import AgentWords
    from zpack.control.publishing.actions import Publishing
    from zpack.control.publishing.reconciler import LinkReconciler
    from zpack.control.settings import Settings
    from zpack.control.wiring import Clients, Stores

ADA = User("u-ada", "ada@example.net", "ada", None, None, None, "user")
NOTHING: dict[str, Any] = {"containers": [], "rows": [], "reserved": [], "registered": []}


@dataclass(frozen=True)
class World:
    """Everything a create or delete touches."""

    clients: Clients
    cluster: Cluster
    scripts: AgentScripts
    edge: GameProxy
    stores: Stores
    publishing: Publishing
    reconciler: LinkReconciler
    """The game proxy's, which every world has."""
    edge_reconcilers: dict[str, LinkReconciler]
    watch: ClusterWatch
    keys: HostOperationKeys
    heartbeat: Heartbeat
    workflows: dict[str, Workflow]

    @property
    def words(self) -> AgentWords:
        """Return the agents' last words."""
        return self.stores.words

    async def look(self) -> None:
        """Let every poller and reconciler do its work once."""
        for part in (self.heartbeat, self.watch, self.reconciler, self.keys):
            await part.tick()

    @property
    def create(self) -> tuple[Step, ...]:
        """Return the steps of a create."""
        return self.workflows["instance-create"].steps

    @property
    def delete(self) -> tuple[Step, ...]:
        """Return the steps of a delete."""
        return self.workflows["instance-delete"].steps

    async def left(self) -> dict[str, Any]:
        """Return what exists: containers, rows, reservations, registrations."""
        async with self.clients.database.transaction() as session:
            rows = await session.scalars(text("select vmid from instances order by vmid"))
            held = await session.scalars(text("select vmid from vmid_reservations order by vmid"))
            return {
                "containers": self.cluster.ours(),
                "rows": list(rows),
                "reserved": list(held),
                "registered": sorted(self.edge.servers),
            }

    async def row(self, vmid: int) -> ContainerInstance:
        """Return a server's row."""
        async with self.clients.database.transaction() as session:
            found = await store.find(session, vmid)
        assert found is not None
        return found

    async def created(self, vmid: int, *, owner: str = "u-ada") -> State:
        """Create a server, step by step."""
        return await run(self.create, request_for(vmid, f"op_{vmid}", owner))

    async def carry_out(self, kinds: Sequence[str]) -> None:
        """Do what was begun of these kinds, step by step, as a worker does."""
        async with self.clients.database.transaction() as session:
            rows = await list_active(session, kinds)
        for row in rows:
            await run(self.workflows[row.kind].steps, {**row.input, "operation_id": row.id})
            async with self.clients.database.transaction() as session:
                await set_finished(session, row.id, status="succeeded", result={}, error=None)


def build_world(settings: Settings, clients: Clients, others: Counterparts) -> World:
    """Put the parts together as the product does."""
    stores = build_stores(clients)
    database, changes = clients.database, stores.changes
    kernel = build_workflows(settings, clients, executor_id="test")
    publishing = build_publishing(settings, clients)
    found = build_link_reconcilers(settings, clients, stores, publishing=publishing, alone=lambda: True)
    edge = {one.link.name: one for one in found}
    return World(
        clients=clients,
        cluster=others.cluster,
        scripts=others.scripts,
        edge=others.edge,
        stores=stores,
        publishing=publishing,
        reconciler=edge["velocity"],
        edge_reconcilers=edge,
        watch=ClusterWatch(
            database=database,
            proxmox=clients.proxmox,
            states=stores.hosts,
            changes=changes,
            alone=lambda: True,
        ),
        keys=HostOperationKeys(database=database, running=stores.running, alone=lambda: True),
        heartbeat=Heartbeat(
            database=database,
            agents=clients.agents,
            polls=clients.polls,
            words=stores.words,
            changes=changes,
            shards=lambda: range(SHARDS),
            every=settings.heartbeat_seconds,
        ),
        workflows={workflow.kind: workflow for workflow in kernel.registered},
    )


def request_for(vmid: int, operation_id: str, owner: str = "u-ada") -> State:
    """Return the state a create begins with."""
    wanted = {
        "game": "minecraft",
        "variant": "flying-squid",
        "version": "1.21.4",
        "world": "world",
        "memory": 1024,
        "cores": 1,
        "artifact_path": "minecraft/flying-squid/1.21.4/server.tar.gz",
        "java_path": "",
    }
    ids = {"vmid": vmid, "hostname": f"mc-flying-squid-{vmid}"}
    return {**ids, "operation_id": operation_id, "customer_id": owner, "request": wanted}


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
