"""The steps of a create, and their undos (contract §5.2). Each may run twice.

A step looks before it acts when an earlier try may have worked: the clone's description names the operation,
so a container is known as ours from its first moment.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from zpack.control.engine.backoff import pauses
from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.heartbeat.readiness import decide_readiness, failure_of
from zpack.control.hosts.store import HostState
from zpack.control.instances import store
from zpack.control.instances.models import MARK, description_for, is_marked, is_ours, made_by
from zpack.control.operations.notes import OperationNote, warned
from zpack.control.outside.agent import AgentRefused
from zpack.control.outside.proxmox import AlreadyExists, Locked, Missing, following
from zpack.control.provisioning.models import agent_payload, ctype_of, disk_mb_of
from zpack.control.provisioning.ports import take_ports
from zpack.control.routing import store as routing
from zpack.control.routing.models import Assigned, allocated_ports

if TYPE_CHECKING:
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.engine.steps import State
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.heartbeat.store import AgentWords
    from zpack.control.hosts.store import HostStates
    from zpack.control.outside.agent import Agents
    from zpack.control.outside.proxmox import Guest, Proxmox
    from zpack.control.outside.proxmox_tasks import TaskNote
    from zpack.control.outside.proxmox_volumes import Volumes
    from zpack.control.provisioning.lanes import Lanes
    from zpack.control.provisioning.placing import Origin, Placing
    from zpack.control.provisioning.settings import ProvisioningSettings
    from zpack.control.publishing.actions import Publishing

CLONE_SECONDS = 600
TASK_SECONDS = 150
READY_POLL = 0.25
READY_POLL_CAP = 3.0


class VmidTaken(Refusal):
    """The VMID belongs to something else on the cluster."""

    kind = "conflict"
    code = "vmid_taken"


class ContainerGone(Refusal):
    """The cluster lists the container no more."""

    kind = "conflict"
    code = "container_gone"


class AgentFailed(Refusal):
    """The agent says that the workload cannot run; the message is its reason."""

    kind = "upstream"
    code = "agent_error"


class CreateSteps:
    """What a create does to the world."""

    def __init__(
        self,
        *,
        database: Database,
        proxmox: Proxmox,
        agents: Agents,
        entitlements: Entitlements,
        publishing: Publishing,
        words: AgentWords,
        hosts: HostStates,
        lanes: Lanes,
        volumes: Volumes,
        placing: Placing,
        settings: ProvisioningSettings,
    ) -> None:
        self._database = database
        self._proxmox = proxmox
        self._agents = agents
        self._entitlements = entitlements
        self._publishing = publishing
        self._words = words
        self._hosts = hosts
        self._lanes = lanes
        self._volumes = volumes
        self._placing = placing
        self._settings = settings

    async def allocate_vmid(self, state: State) -> State | None:
        """Confirm that the VMID taken with the request is ours alone, and its place in the owner's plan.

        A run that is tried again gave both back. Raises VmidTaken, PlanLimitReached, AccountSuspended,
        PortsExhausted.
        """
        vmid, operation_id = state["vmid"], state["operation_id"]
        guest = await self._proxmox.locate(vmid, Budget.seconds(TASK_SECONDS))
        if guest is not None and not await self._is_this(guest, operation_id):
            raise VmidTaken(f"VMID {vmid} is in use on the cluster already; try again.")
        async with self._database.transaction() as session:
            await self._check_place(session, state)
            reserved = await store.reserve_vmid(session, vmid=vmid, operation_id=operation_id)
            row = await store.find(session, vmid)
            ports = await take_ports(
                session, self._settings, vmid=vmid, operation_id=operation_id, wanted=state["request"]
            )
        if not reserved and not (row is not None and row.payload.get("agent_seed") == operation_id):
            raise VmidTaken(f"VMID {vmid} was given to another server.")
        node = await self._placing.place(state, Budget.seconds(TASK_SECONDS))
        return {"node": node, "public_ports": [asdict(one) for one in ports]}

    async def _check_place(self, session: AsyncSession, state: State) -> None:
        wanted = state["request"]
        await self._entitlements.check_reservation(
            session,
            state["customer_id"],
            ctype=ctype_of(wanted),
            memory_mb=wanted["memory"],
            cpus=wanted["cores"],
            disk_mb=state.get("disk_mb", 0),
            operation_id=state["operation_id"],
        )

    async def release_vmid(self, state: State) -> None:
        """Give the VMID and the public ports back."""
        async with self._database.transaction() as session:
            await store.release_vmid(session, state["operation_id"])
            await routing.release(session, state["operation_id"])

    async def clone_container(self, state: State) -> State | None:
        """Clone the template, unless an earlier try did."""
        budget, note = Budget.seconds(CLONE_SECONDS), self._note(state)
        await self._proxmox.resumed("vzclone", note, budget)
        if await self._found(state, budget) is not None:
            return None
        node = await self._placing.place(state, budget)
        origin = await self._placing.origin(node, budget)
        async with self._lanes.enter(f"{origin.node}:{self._settings.storage}"):
            try:
                warning = await self._cloned(state, origin, note, budget)
            except AlreadyExists as failure:
                if await self._found(state, budget) is None:
                    raise VmidTaken(f"VMID {state['vmid']} was taken by something else.") from failure
                warning = None
        return {"node": node, **warned(state, warning)}

    async def _cloned(self, state: State, origin: Origin, note: TaskNote, budget: Budget) -> str | None:
        try:
            return await self._clone(state, origin, note, budget)
        except Missing:  # what is missing is the template: it was moved
            there = await self._placing.origin(origin.target, budget, moved=True)
            return await self._clone(state, there, note, budget)

    async def _clone(self, state: State, origin: Origin, note: TaskNote, budget: Budget) -> str | None:
        return await self._proxmox.clone(
            template=origin.template,
            node=origin.node,
            target=origin.target,
            newid=state["vmid"],
            hostname=state["hostname"],
            description=description_for(operation_id=state["operation_id"], customer_id=state["customer_id"]),
            storage=self._settings.storage,
            pool=self._settings.pool,
            budget=budget,
            note=note,
        )

    async def destroy_container(self, state: State) -> None:
        """Stop and delete the container, if it is this operation's."""
        budget = Budget.seconds(TASK_SECONDS)
        guest = await self._found(state, budget)
        if guest is None:
            return
        note = self._note(state)
        with following():
            await self._proxmox.stop(vmid=guest.vmid, node=guest.node, budget=budget, note=note)
            await self._proxmox.delete(vmid=guest.vmid, node=guest.node, budget=budget, note=note)

    async def configure_container(self, state: State) -> State | None:
        """Set cores, memory, network and tags."""
        wanted = state["request"]
        bridge = self._settings.bridges[ctype_of(wanted)]
        settings = {
            "cores": str(wanted["cores"]),
            "memory": str(wanted["memory"]),
            "net0": f"name=eth0,bridge={bridge},ip=dhcp,type=veth",
            "tags": MARK,
        }
        budget = Budget.seconds(TASK_SECONDS)
        node = await self._node(state, budget)
        with following():
            await self._proxmox.configure(vmid=state["vmid"], node=node, settings=settings, budget=budget)
        return warned(state, await self._grown(state, budget))

    async def _grown(self, state: State, budget: Budget) -> str | None:
        """Make the root disk as large as the operator wants it."""
        guest = await self._proxmox.locate(state["vmid"], budget) if self._settings.disk_gib else None
        if guest is None or not self._settings.disk_gib:
            return None
        with following():
            return await self._volumes.grow(guest, self._settings.disk_gib, budget)

    async def start_container(self, state: State) -> State | None:
        """Start the container; the kernel tries again while Proxmox holds its lock."""
        budget = Budget.seconds(TASK_SECONDS)
        node = await self._node(state, budget)
        with following():
            warning = await self._proxmox.start(
                vmid=state["vmid"], node=node, budget=budget, note=self._note(state)
            )
        # The next look at the cluster may be seconds away; until then nobody reads "The host is not running."
        await self._hosts.put(state["vmid"], HostState("running", node))
        return warned(state, warning)

    async def stop_container(self, state: State) -> None:
        """Stop the container, if it is this operation's."""
        budget = Budget.seconds(TASK_SECONDS)
        guest = await self._found(state, budget)
        if guest is not None and guest.status == "running":
            with following():
                await self._proxmox.stop(
                    vmid=guest.vmid, node=guest.node, budget=budget, note=self._note(state)
                )
            await self._hosts.remove(state["vmid"])

    async def wait_for_ip(self, state: State) -> State | None:
        """Wait until the container has an address."""
        for pause in pauses(first=0.1, cap=5.0):
            budget = Budget.seconds(TASK_SECONDS)
            node = await self._node(state, budget)
            with following():
                ip = await self._proxmox.address(vmid=state["vmid"], node=node, budget=budget)
            if ip:
                return {"ip": ip}
            await asyncio.sleep(pause)
        return None

    async def build_agent_payload(self, state: State) -> State | None:
        """Put together what the agent is told; a server's quota is its container's disk."""
        budget = Budget.seconds(TASK_SECONDS)
        node = await self._node(state, budget)
        with following():
            current = await self._proxmox.current(vmid=state["vmid"], node=node, budget=budget)
        disk = current.get("maxdisk")
        return {"payload": agent_payload(state, disk_bytes=disk), "own_disk": disk_mb_of(disk)}

    async def send_agent_config(self, state: State) -> State | None:
        """Deliver the payload; the agent installs and starts the workload."""
        ip, token = state["ip"], self._token(state)
        try:
            await self._agents.configure(ip, token, state["payload"])
        except AgentRefused as refused:
            if refused.status != 409 or not await self._agents.healthy(ip, token):  # noqa: PLR2004 - conflict
                raise AgentFailed(f"The agent refused the configuration: {refused.message}") from refused
        return None

    async def await_ready(self, state: State) -> State | None:
        """Wait for semantic readiness; a reported error ends the wait at once (contract §5.2, step 9)."""
        ip, token = state["ip"], self._token(state)
        reason = "the agent has not answered"
        try:
            for pause in pauses(first=READY_POLL, cap=READY_POLL_CAP):
                try:
                    answer = await self._agents.ready(ip, token)
                    told = await self._agents.status(ip, token)
                    failed, verdict = failure_of(told), decide_readiness(*answer, told)
                except ForeignError as away:
                    reason = away.message
                else:
                    if failed is not None:
                        raise AgentFailed(failed)
                    if verdict.ready:
                        return {"ready_source": verdict.source}
                    reason = verdict.reason or reason
                await asyncio.sleep(pause)
        except asyncio.CancelledError:
            state["waited_for"] = reason
            raise
        return None

    async def persist_instance(self, state: State) -> State | None:
        """Write the row; from here on the server exists for its owner."""
        payload: dict[str, Any] = state["payload"]
        async with self._database.transaction() as session:
            await store.insert_instance(
                session,
                vmid=state["vmid"],
                customer_id=state["customer_id"],
                ctype=ctype_of(state["request"]),
                hostname=state["hostname"],
                display_name=state["request"].get("display_name"),
                ip=state["ip"],
                allocated_ports=_allocated(state),
                payload={**state.get("own_disk", {}), **payload, "agent_seed": state["operation_id"]},
                agent_state="running",
                engine_type=payload.get("variant") or payload.get("runtime"),
                engine_version=payload["version"],
            )
            await store.release_vmid(session, state["operation_id"])
        # The poller's first round may be seconds away; until then the list says what we have just seen.
        seen = {
            "hostOnline": True,
            "ready": True,
            "readySource": state.get("ready_source"),
            "state": "running",
        }
        await self._words.put(state["vmid"], {**seen, "lastSeen": int(time.time() * 1000)})
        return None

    async def remove_instance(self, state: State) -> None:
        """Remove the row this operation wrote."""
        async with self._database.transaction() as session:
            row = await store.find(session, state["vmid"])
            if row is not None and row.payload.get("agent_seed") == state["operation_id"]:
                await store.delete_instance(session, state["vmid"])
        await self._words.remove(state["vmid"])

    async def publish_edge(self, state: State) -> State | None:
        """Make the server reachable by name."""
        if ctype_of(state["request"]) == "game":
            await self._publishing.publish(vmid=state["vmid"])
        return None

    async def unpublish_edge(self, state: State) -> None:
        """Take the name off the edge."""
        if ctype_of(state["request"]) == "game":
            await self._publishing.unpublish(vmid=state["vmid"], hostname=state["hostname"])

    def _note(self, state: State) -> OperationNote:
        return OperationNote(database=self._database, operation_id=state["operation_id"])

    def _token(self, state: State) -> str:
        return self._agents.token_for(state["vmid"], state["operation_id"])

    async def _node(self, state: State, budget: Budget) -> str:
        """Return the node our container is on by now. Raises ContainerGone."""
        guest = await self._proxmox.locate(state["vmid"], budget)
        if guest is None:
            raise ContainerGone("The container was removed while it was being prepared.")
        return guest.node

    async def _found(self, state: State, budget: Budget) -> Guest | None:
        """Return this operation's container; one of somebody else's is never touched."""
        guest = await self._proxmox.locate(state["vmid"], budget)
        if guest is None or not await self._is_this(guest, state["operation_id"]):
            return None
        return guest

    async def _is_this(self, guest: Guest, operation_id: str) -> bool:
        return made_by(await description_of(self._proxmox, guest), operation_id)


def _allocated(state: State) -> dict[str, Any]:
    """Return the column ``allocated_ports``; operations of before public ports have none."""
    if "ports" not in state["payload"]:
        return {}
    public = [Assigned(**one) for one in state.get("public_ports", ())]
    return allocated_ports(state["payload"]["ports"], public)


async def description_of(proxmox: Proxmox, guest: Guest) -> str:
    """Return the description of a container.

    Raises Locked while Proxmox still creates it: for a moment a clone is there without its description, and
    whose it is cannot be said yet.
    """
    with following():
        config = await proxmox.config(vmid=guest.vmid, node=guest.node, budget=Budget.seconds(TASK_SECONDS))
    description = str(config.get("description", "")).strip()
    if not description and config.get("lock") == "create":
        raise Locked(f"container {guest.vmid} is still being created", transient=True)
    return description


async def is_removable(proxmox: Proxmox, guest: Guest) -> bool:
    """Say whether a container is ours to remove: in our ranges and carrying our mark."""
    if not is_ours(guest.vmid) or guest.template:
        return False
    with following():
        config = await proxmox.config(vmid=guest.vmid, node=guest.node, budget=Budget.seconds(TASK_SECONDS))
    return is_marked(str(config.get("description", "")), str(config.get("tags", "")))
