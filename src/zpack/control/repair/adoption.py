"""Makes a container without a row somebody's server again, from all that is still known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.accounts import store as accounts
from zpack.control.accounts.actions import UserMissing
from zpack.control.audit.store import record
from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.instances import store as instances
from zpack.control.instances.models import RANGES, EdgeIntent, description_for, is_marked, is_ours
from zpack.control.operations import store as operations_store
from zpack.control.outside.proxmox import following
from zpack.control.provisioning.actions import MissingField
from zpack.control.provisioning.ending import BeingCreated
from zpack.control.provisioning.models import agent_payload, artifact_path, java_path
from zpack.control.repair.calls import edge_calls, proxmox
from zpack.control.repair.plans import DriftChanged, NotRepairable, Plan

if TYPE_CHECKING:
    from zpack.control.db.session import Database
    from zpack.control.db.tables import RepairFinding
    from zpack.control.outside.agent import Agents
    from zpack.control.outside.proxmox import Guest, Proxmox
    from zpack.control.publishing.actions import Publishing
    from zpack.control.publishing.links import Link
    from zpack.control.publishing.places import Places
    from zpack.control.repair.models import AdoptBody

SECONDS = 60.0


class Adoption:
    """RepairPlans an adoption."""

    def __init__(
        self,
        *,
        database: Database,
        proxmox: Proxmox,
        agents: Agents,
        publishing: Publishing,
        links: tuple[Link, ...],
        places: Places,
    ) -> None:
        self._database = database
        self._proxmox = proxmox
        self._agents = agents
        self._publishing = publishing
        self._links = links
        self._places = places

    async def plan(self, finding: RepairFinding, body: AdoptBody) -> Plan:
        """Return what is to be done.

        Raises NotRepairable, DriftChanged, UserMissing, MissingField, BeingCreated, ForeignError.
        """
        if finding.kind != "container_without_row":
            raise NotRepairable("Only a container without a row can be adopted.")
        budget = Budget.seconds(SECONDS)
        guest = await self._proxmox.locate(finding.vmid or 0, budget)
        if guest is None:
            raise DriftChanged("There is no such container any more.")
        with following():
            config = await self._proxmox.config(vmid=guest.vmid, node=guest.node, budget=budget)
        said = str(config.get("description", ""))
        if not is_ours(guest.vmid) or guest.template or not is_marked(said, str(config.get("tags", ""))):
            raise DriftChanged("The container does not carry our mark.")
        values = await self._values(guest, config, body)
        description = description_for(
            operation_id=values["payload"]["agent_seed"] or "unknown", customer_id=body.owner_id
        )
        calls = [proxmox("PUT", guest, "/config", description=description)]
        published = values["ctype"] == "game" and values["ip"] is not None
        if published:
            calls += await edge_calls(self._links, self._places.of_intent(_intent(values)), on=True)

        async def run(actor: str) -> dict[str, Any]:
            await self._insert(values, actor)
            await self._proxmox.configure(
                vmid=guest.vmid, node=guest.node, settings={"description": description}, budget=budget
            )
            if published:
                await self._publishing.publish(vmid=guest.vmid)
            return {"vmid": guest.vmid, "hostname": values["hostname"], "agent": await self._asked(values)}

        return Plan(tuple(calls), run)

    async def _insert(self, values: dict[str, Any], actor: str) -> None:
        """Write the row. Raises BeingCreated, DriftChanged."""
        vmid = values["vmid"]
        async with self._database.transaction() as session:
            await instances.lock_vmid(session, vmid)
            if await instances.find_reservation(session, vmid) is not None:
                raise BeingCreated("This server is still being created; cancel that operation first.")
            if not await instances.insert_instance(session, **values):
                raise DriftChanged("There is a server of this VMID or name already.")
            record(session, "instance.adopt", actor=actor, vmid=vmid, owner=values["customer_id"])

    async def _values(self, guest: Guest, config: dict[str, Any], body: AdoptBody) -> dict[str, Any]:
        """Return the row: from its create's request, its archive, its configuration, and what was said."""
        seed = _word(str(config.get("description", "")), "operation")
        async with self._database.reading() as session:
            if await accounts.find_by_id(session, body.owner_id) is None:
                raise UserMissing("There is no such account.")
            made = await operations_store.find(session, seed) if seed else None
            archived = await instances.find_archived(session, guest.vmid)
        wanted = dict(made.input.get("request", {})) if made is not None else {}
        if archived is not None and not wanted:
            wanted = {"game": archived.game, "variant": archived.variant}
            wanted |= {"display_name": archived.display_name}
        request = _completed(wanted, guest.vmid, config, body)
        ip = None
        if guest.status == "running":
            ip = await self._proxmox.address(vmid=guest.vmid, node=guest.node, budget=Budget.seconds(SECONDS))
        hostname = str(config.get("hostname") or guest.name)
        payload = agent_payload({"vmid": guest.vmid, "request": request})
        return {
            "vmid": guest.vmid,
            "customer_id": body.owner_id,
            "ctype": "dev" if guest.vmid in RANGES["dev"] else "game",
            "hostname": hostname,
            "display_name": wanted.get("display_name"),
            "ip": ip,
            "allocated_ports": {"game": payload["ports"]} if "ports" in payload else {},
            "payload": {**payload, "agent_seed": seed or ""},
            "agent_state": "unknown",
            "engine_type": payload.get("variant") or payload.get("runtime"),
            "engine_version": payload["version"],
        }

    async def _asked(self, values: dict[str, Any]) -> str:
        """Return what the agent says of itself, or why it says nothing."""
        if values["ip"] is None:
            return "not running"
        token = self._agents.token_for(values["vmid"], values["payload"]["agent_seed"])
        try:
            return str((await self._agents.status(values["ip"], token)).get("state", "unknown"))
        except ForeignError as failure:
            return failure.message


def _intent(values: dict[str, Any]) -> EdgeIntent:
    """Return what the row will say of where the server is."""
    return EdgeIntent(
        vmid=values["vmid"],
        owner=values["customer_id"],
        hostname=values["hostname"],
        ip=values["ip"],
        state=None,
        ctype=values["ctype"],
        game=str(values["payload"].get("game", "")),
        ports=values["allocated_ports"],
    )


def _completed(wanted: dict[str, Any], vmid: int, config: dict[str, Any], body: AdoptBody) -> dict[str, Any]:
    """Return the request it might have been created with. Raises MissingField."""
    said = body.model_dump(include={"game", "variant", "runtime", "version"}, exclude_none=True)
    dev = vmid in RANGES["dev"]
    known = {name: value for name, value in wanted.items() if value is not None} | said
    for name in ("runtime", "version") if dev else ("game", "variant", "version"):
        if not known.get(name):
            raise MissingField(f"Nothing says what '{name}' is; say it.", details={"field": name})
    usual: dict[str, Any] = {"memory": int(config.get("memory", 512)), "cores": int(config.get("cores", 1))}
    if dev:
        return {**usual, **known, "container_type": "dev"}
    game, variant, version = str(known["game"]), str(known["variant"]), str(known["version"])
    usual |= {"world": "world", "artifact_path": artifact_path(game, variant, version) or ""}
    return {**usual, "java_path": java_path(game, variant, version), **known}


def _word(description: str, key: str) -> str | None:
    for word in description.split():
        name, found, value = word.partition("=")
        if found and name == key and value != "unknown":
            return value
    return None
