"""What a repair will do, and how it is done: the calls a dry run shows are those that the run makes.

A plan names every call that changes something outside. Looks, and the questions after a task's end, change
nothing and are not named.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zpack.control.audit.store import record
from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import Refusal
from zpack.control.instances import store as instances
from zpack.control.instances.models import made_by
from zpack.control.operations import store as operations_store
from zpack.control.operations.actions import new_operation_id
from zpack.control.operations.models import status_url
from zpack.control.power.models import PREFIX
from zpack.control.power.steps import SHUTDOWN_SECONDS
from zpack.control.provisioning.ending import begin_delete
from zpack.control.provisioning.steps import TASK_SECONDS, description_of, is_removable
from zpack.control.publishing.links import DOORS
from zpack.control.repair.calls import edge_calls, proxmox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from zpack.control.db.session import Database
    from zpack.control.db.tables import Operation, RepairFinding
    from zpack.control.engine.faults import FaultPoint
    from zpack.control.engine.steps import Workflow
    from zpack.control.operations.actions import Operations
    from zpack.control.outside.proxmox import Guest, Proxmox
    from zpack.control.power.actions import Power
    from zpack.control.power.store import HostOperations
    from zpack.control.publishing.places import Places
    from zpack.control.publishing.reconciler import LinkReconciler
    from zpack.control.repair.calls import Call
    from zpack.control.repair.look import Look

Action = Literal["repair", "adopt", "delete"]
UNDO_SECONDS = 300.0


class NotRepairable(Refusal):
    """Nothing of this kind can be done about the finding; ``details.by`` says who mends it."""

    kind = "conflict"
    code = "drift_not_repairable"


class DriftChanged(Refusal):
    """A closer look says otherwise than the finding."""

    kind = "conflict"
    code = "drift_changed"


class CannotTell(Refusal):
    """The cluster does not answer in full, so nothing can be said about what is missing."""

    kind = "unavailable"
    code = "cluster_incomplete"


@dataclass(frozen=True)
class Plan:
    """What will be called, in order, and the way to do it; ``run`` returns what came of it."""

    calls: tuple[Call, ...]
    run: Callable[[str], Awaitable[dict[str, Any]]]


class RepairPlans:
    """Makes plans out of findings, each from a closer look of its own."""

    def __init__(
        self,
        *,
        database: Database,
        proxmox: Proxmox,
        look: Look,
        links: tuple[LinkReconciler, ...],
        places: Places,
        operations: Operations,
        running: HostOperations,
        power: Power,
        create: Workflow,
        delete_budget: timedelta,
        fault: FaultPoint,
    ) -> None:
        self._database = database
        self._proxmox = proxmox
        self.look = look
        self._links = tuple(one.link for one in links)
        self._reconcilers = {one.link.name: one for one in links}
        self._places = places
        self._operations = operations
        self._running = running
        self._power = power
        self._create = create
        self._delete_budget = delete_budget
        self._fault = fault

    async def plan(self, finding: RepairFinding, action: Action) -> Plan:
        """Return what is to be done. Raises NotRepairable, DriftChanged, CannotTell, ForeignError."""
        makers = {
            ("operation_stuck", "repair"): self._end_operation,
            ("host_key_stale", "repair"): self._release_key,
            ("agent_offline", "repair"): self._restart_host,
            ("registration_missing", "repair"): self._put_again,
            ("record_missing", "repair"): self._put_again,
            ("row_without_container", "repair"): self._remove_row,
            ("row_without_container", "delete"): self._remove_row,
            ("container_without_row", "delete"): self._remove_container,
        }
        maker = makers.get((finding.kind, action))
        if maker is None:
            raise NotRepairable(f"'{action}' is nothing that can be done about {finding.kind}.")
        return await maker(finding)

    async def _end_operation(self, finding: RepairFinding) -> Plan:
        async with self._database.reading() as session:
            row = await operations_store.find(session, finding.evidence["operation"])
        if row is None or row.status not in operations_store.ACTIVE:
            raise DriftChanged("The operation has ended meanwhile.")
        calls = await self._undo_calls(row) if row.kind == self._create.kind else ()

        async def run(actor: str) -> dict[str, Any]:
            if row.kind == self._create.kind:
                await self._undo(row)
            error = {"code": "stuck", "message": "Nobody worked on it any more; it was undone and ended."}
            async with self._database.transaction() as session:
                await operations_store.set_finished(session, row.id, status="failed", result={}, error=error)
                record(session, "operation.end", actor=actor, operation=row.id, vmid=row.vmid)
            if row.kind.startswith(PREFIX) and row.vmid is not None:
                await self._running.release(row.vmid, row.id)
            return {"operation": row.id}

        return Plan(calls, run)

    async def _undo_calls(self, row: Operation) -> tuple[Call, ...]:
        calls: list[Call] = []
        if row.input["request"].get("game") and row.hostname:
            calls = await edge_calls(self._links, self._places.of_gone(row.hostname, None), on=False)
        guest = await self._proxmox.locate(row.vmid or 0, Budget.seconds(TASK_SECONDS))
        if guest is None or not made_by(await description_of(self._proxmox, guest), row.id):
            return tuple(calls)
        stops = 2 if guest.status == "running" else 1  # the start's undo, and the clone's
        calls += [proxmox("POST", guest, "/status/stop")] * stops
        return (*calls, proxmox("DELETE", guest))

    async def _undo(self, row: Operation) -> None:
        """Undo every step of a create, last first; each is fine with having been done or never begun."""
        state = {**row.input, "operation_id": row.id}
        async with asyncio.timeout(UNDO_SECONDS):
            for step in reversed(self._create.steps):
                if step.undo is not None:
                    self._fault.reached("repair", f"undo-{step.name}", "before")
                    await step.undo(state)

    async def _release_key(self, finding: RepairFinding) -> Plan:
        vmid, holder = finding.vmid or 0, finding.evidence["operation"]

        async def run(_actor: str) -> dict[str, Any]:
            async with self._database.reading() as session:
                row = await operations_store.find(session, holder)
            if row is not None and row.status in operations_store.ACTIVE:
                raise DriftChanged("The operation runs after all.")
            await self._running.release(vmid, holder)
            return {"operation": holder}

        return Plan((), run)

    async def _restart_host(self, finding: RepairFinding) -> Plan:
        guest = await self._guest(finding)
        async with self._database.reading() as session:
            row = await instances.find(session, finding.vmid or 0)
        if row is None or guest.status != "running":
            raise DriftChanged("The container does not run any more.")

        async def run(actor: str) -> dict[str, Any]:
            request_id = f"rep_{secrets.token_hex(8)}"
            begun = await self._power.begin(row, "restart", actor=actor, request_id=request_id)
            return {"operation": begun["id"], "statusUrl": status_url(begun["id"])}

        stop = proxmox("POST", guest, "/status/shutdown", timeout=SHUTDOWN_SECONDS)
        return Plan((stop, proxmox("POST", guest, "/status/start")), run)

    async def _put_again(self, finding: RepairFinding) -> Plan:
        """Have the link hold the server again. A DNS rehearsal looks itself; of doors the list tells."""
        name, hostname = finding.evidence["link"], finding.evidence["name"]
        reconciler = self._reconcilers.get(name)
        row = (await reconciler.rows()).get(hostname) if reconciler else None
        if reconciler is None or row is None or not reconciler.is_on(row):
            raise DriftChanged("The server is not to be there any more.")
        held = None
        if name in DOORS:
            held = (await reconciler.link.listed() or {}).get(hostname)
            if held == reconciler.wanted(row):
                raise DriftChanged("The link holds the server after all.")
        calls = await edge_calls([reconciler.link], self._places.of_intent(row), on=True)
        if name == "velocity" and held is not None:  # one that moved is unregistered first
            calls = await edge_calls([reconciler.link], self._places.of_intent(row), on=False) + calls
        if not calls:
            raise DriftChanged("The link holds the server after all.")

        async def run(_actor: str) -> dict[str, Any]:
            return {"link": name, "evidence": await reconciler.put_again(hostname)}

        return Plan(tuple(calls), run)

    async def _remove_row(self, finding: RepairFinding) -> Plan:
        vmid = finding.vmid or 0
        containers = await self.look.containers({vmid})
        if containers is None:
            raise CannotTell(
                "Not every node of the cluster answers; the container may be on one that does not."
            )
        async with self._database.reading() as session:
            row = await instances.find(session, vmid)
        if vmid in containers or row is None:
            raise DriftChanged("There is a container, or no row any more.")
        calls = await edge_calls(self._links, self._places.of_row(row), on=False)
        return Plan(tuple(calls), self._deletion(vmid, row.hostname, row.customer_id))

    async def _remove_container(self, finding: RepairFinding) -> Plan:
        guest = await self._guest(finding)
        async with self._database.reading() as session:
            row = await instances.find(session, guest.vmid)
        if row is not None or not await is_removable(self._proxmox, guest):
            raise DriftChanged("The container has a row, or does not carry our mark.")
        calls = (proxmox("POST", guest, "/status/stop"), proxmox("DELETE", guest))
        return Plan(calls, self._deletion(guest.vmid, guest.name or str(guest.vmid), None))

    async def _guest(self, finding: RepairFinding) -> Guest:
        guest = await self._proxmox.locate(finding.vmid or 0, Budget.seconds(TASK_SECONDS))
        if guest is None:
            raise DriftChanged("There is no such container any more.")
        return guest

    def _deletion(
        self, vmid: int, hostname: str, owner: str | None
    ) -> Callable[[str], Awaitable[dict[str, Any]]]:
        """Return how the durable delete is begun: it goes on after any crash."""

        async def run(actor: str) -> dict[str, Any]:
            async with self._database.transaction() as session:
                operation = await begin_delete(
                    session,
                    self._operations,
                    actor=actor,
                    vmid=vmid,
                    hostname=hostname,
                    customer_id=owner,
                    request_id=new_operation_id().replace("op_", "rep_"),
                    budget=self._delete_budget,
                )
            self._operations.committed()
            return {"operation": operation.id, "statusUrl": status_url(operation.id)}

        return run
