"""What a person may ask for: a new server, or the end of one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.instances import store as instances
from zpack.control.instances.actions import InvalidVmid, ServerMissing, parse_vmid
from zpack.control.instances.models import hostname_for, owner_of
from zpack.control.instances.naming import checked_name
from zpack.control.operations import store as operations_store
from zpack.control.operations.actions import new_operation_id
from zpack.control.outside.proxmox import following
from zpack.control.provisioning.ending import BeingCreated, begin_delete
from zpack.control.provisioning.models import MIB, artifact_path, ctype_of, java_path, ports_inside
from zpack.control.provisioning.ports import take_ports
from zpack.control.replays.actions import KeyReused, check_key

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.catalog.actions import Catalog
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.db.tables import IdempotencyKey, Operation
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.entitlements.models import Entitlement
    from zpack.control.operations.actions import Operations
    from zpack.control.outside.proxmox import Guest, Proxmox
    from zpack.control.provisioning.models import CreateBody
    from zpack.control.provisioning.settings import ProvisioningSettings

CREATE = "instance-create"
LOOK_SECONDS = 5.0


class MissingField(Refusal):
    """A required field is absent; ``details.field`` names it."""

    code = "missing_field"


class UnsupportedContainer(Refusal):
    """``container_type`` is neither ``game`` nor ``dev``."""

    code = "unsupported_container_type"


class NoArtifact(Refusal):
    """No table says where this engine's files are, and the request does not either."""

    code = "artifact_path_required"


class RangeExhausted(Refusal):
    """Every VMID of the range is in use."""

    kind = "unavailable"
    code = "vmid_range_exhausted"


class EmailNotVerified(Refusal):
    """The caller's e-mail address is not confirmed, and the operator asks for that."""

    kind = "forbidden"
    code = "email_not_verified"


class HostRunning(Refusal):
    """A running container is not deleted (contract §2.6)."""

    kind = "conflict"
    code = "container_running"
    envelope = {"ok": False}  # noqa: RUF012 - read only


class _Replayed(Exception):
    """Leaves the transaction: the key was used for the same request before."""

    def __init__(self, operation_id: str) -> None:
        super().__init__(operation_id)
        self.operation_id = operation_id


@dataclass(frozen=True)
class Removal:
    """What a delete found: an operation to follow, or an answer at once."""

    vmid: int
    operation: Operation | None = None
    note: str | None = None
    archived: bool = False


class Provisioning:
    """Begins creates and deletes."""

    def __init__(
        self,
        *,
        database: Database,
        operations: Operations,
        entitlements: Entitlements,
        catalog: Catalog,
        proxmox: Proxmox,
        settings: ProvisioningSettings,
    ) -> None:
        self._database = database
        self._operations = operations
        self._entitlements = entitlements
        self._catalog = catalog
        self._proxmox = proxmox
        self._settings = settings

    async def create(self, user: User, body: CreateBody, *, key: str | None, request_id: str) -> Operation:
        """Begin a create, or return the one begun with the same key.

        Raises MissingField, UnsupportedContainer, BadName, NotInCatalog, CatalogAway, IdeNotPrepared,
        NoArtifact, RangeExhausted, PortsExhausted, BadKey, KeyReused, EmailNotVerified, PlanLimitReached,
        PaymentRequired, AccountSuspended.
        """
        if self._settings.require_verified_email and not (user.email_verified or user.is_admin):
            raise EmailNotVerified("Confirm your e-mail address first.")
        check_key(key)
        entitled = await self._entitlements.check_owner(user.id, "create")
        named = {} if body.display_name is None else {"display_name": checked_name(body.display_name)}
        wanted = await self._checked(body) | named
        taken, disk_mb = await self._taken(), await self._disk_mb(entitled)
        try:
            async with self._database.transaction() as session:
                await self._entitlements.queue(session, user)
                if key is not None:
                    await self._recall(session, user, key, wanted)
                operation = await self._begin_create(
                    session, user, wanted, taken=taken, disk_mb=disk_mb, request_id=request_id
                )
                if key is not None:
                    await self._claim(session, user, key, wanted, operation.id)
        except _Replayed as replay:
            return await self._operations.get(user, replay.operation_id)
        self._operations.committed()
        return operation

    async def delete(self, user: User, vmid_text: str, *, request_id: str) -> Removal:
        """Begin a delete, or say that there is nothing to delete (contract §2.6).

        Raises InvalidVmid, ServerMissing, HostRunning, BeingCreated, ForeignError.
        """
        vmid = parse_vmid(vmid_text)
        if vmid is None:
            raise InvalidVmid("A VMID is a number from 5000 to 6999.")
        async with self._database.transaction() as session:
            row = await instances.find(session, vmid)
            archived = await instances.find_archived(session, vmid)
        guest = await self._proxmox.locate(vmid, Budget.seconds(2 * LOOK_SECONDS))
        if row is not None and not (user.is_admin or row.customer_id == user.id):
            raise ServerMissing("There is no such server.")  # not sooner than where there is none
        if row is not None:
            if guest is not None and guest.status == "running":
                raise HostRunning("The host is running; stop it before deleting it.")
            return await self._begin_delete(user, vmid, row.hostname, row.customer_id, request_id)
        if guest is not None and await self._orphan_of(user, guest):
            return await self._begin_delete(user, vmid, guest.name or str(vmid), user.id, request_id)
        if archived is not None and (user.is_admin or archived.customer_id == user.id):
            return Removal(vmid, archived=True, note="This server was deleted earlier.")
        if user.is_admin and guest is None:
            return Removal(vmid, note="Nothing was found under this VMID.")
        raise ServerMissing("There is no such server.")

    async def _checked(self, body: CreateBody) -> dict[str, Any]:
        """Return the request with its defaults filled in."""
        if body.container_type == "dev":
            return await self._checked_dev(body)
        if body.container_type != "game":
            raise UnsupportedContainer("container_type must be 'game' or 'dev'.")
        _demand(body, "game", "variant", "version")
        game, variant, version = body.game or "", body.variant or "", body.version or ""
        await self._catalog.check_game(game=game, variant=variant, version=version)
        path = body.artifact_path or artifact_path(game, variant, version)
        if path is None or ".." in path:
            raise NoArtifact(f"Say where the files of '{variant}' are: artifactPath.")
        several = {"ports_needed": body.portsNeeded} if ports_inside(game, 0) and body.portsNeeded else {}
        return several | {
            "game": game,
            "variant": variant,
            "version": version,
            "world": body.world,
            "memory": body.memory,
            "cores": body.cores,
            "artifact_path": path,
            "java_path": body.java_path if body.java_path is not None else java_path(game, variant, version),
        }

    async def _checked_dev(self, body: CreateBody) -> dict[str, Any]:
        _demand(body, "runtime", "version")
        runtime, version = body.runtime or "", body.version or ""
        await self._catalog.check_dev(runtime=runtime, version=version)
        if body.wants_code_server:
            await self._catalog.check_code_server()
        return {
            "container_type": "dev",
            "runtime": runtime,
            "version": version,
            "memory": body.memory,
            "cores": body.cores,
            "enable_code_server": body.wants_code_server,
            "addons": list(dict.fromkeys(body.addons)),
        }

    async def _taken(self) -> set[int]:
        """Return the cluster's VMIDs; when it is away the first step finds out instead."""
        try:
            return await self._proxmox.taken_vmids(Budget.seconds(LOOK_SECONDS))
        except ForeignError:
            return set()

    async def _disk_mb(self, entitled: Entitlement) -> int:
        """Return what a new server takes of its owner's disk limit: as much as the template, or more."""
        if entitled.limits.of_name("diskMb") is None:
            return 0
        try:
            guests = await self._proxmox.guests(Budget.seconds(LOOK_SECONDS))
        except ForeignError:  # the first step finds out
            return 0
        template = guests.get(self._settings.template_vmid)
        return max(template.disk // MIB if template else 0, (self._settings.disk_gib or 0) * 1024)

    async def _begin_create(
        self,
        session: AsyncSession,
        user: User,
        wanted: dict[str, Any],
        *,
        taken: set[int],
        disk_mb: int,
        request_id: str,
    ) -> Operation:
        ctype = ctype_of(wanted)
        await self._entitlements.check_create(
            session, user, ctype=ctype, memory_mb=wanted["memory"], cpus=wanted["cores"], disk_mb=disk_mb
        )
        operation_id = new_operation_id()
        vmid = await instances.allocate_vmid(session, ctype=ctype, operation_id=operation_id, taken=taken)
        if vmid is None:
            raise RangeExhausted("Every VMID of the range is in use.")
        await take_ports(session, self._settings, vmid=vmid, operation_id=operation_id, wanted=wanted)
        names = {name: wanted[name] for name in ("game", "variant") if name in wanted}
        hostname = hostname_for(ctype=ctype, vmid=vmid, **names)
        operation = self._operations.begin(
            session,
            operation_id=operation_id,
            kind=CREATE,
            customer_id=user.id,
            request_id=request_id,
            budget=self._settings.budget,
            vmid=vmid,
            hostname=hostname,
            display_name=wanted.get("display_name"),
            state={
                "vmid": vmid,
                "hostname": hostname,
                "customer_id": user.id,
                "request": wanted,
                "disk_mb": disk_mb,
            },
        )
        record(session, "instance.create", actor=user.id, vmid=vmid, operation=operation_id)
        await session.flush()
        return operation

    async def _claim(
        self, session: AsyncSession, user: User, key: str, wanted: dict[str, Any], operation_id: str
    ) -> None:
        fingerprint = _fingerprint(wanted)
        earlier = await operations_store.claim_key(
            session, customer_id=user.id, key=key, fingerprint=fingerprint, operation_id=operation_id
        )
        _replay(earlier, wanted)

    async def _recall(self, session: AsyncSession, user: User, key: str, wanted: dict[str, Any]) -> None:
        """Leave when this very request was taken before, even where nothing more would fit now."""
        _replay(await operations_store.find_key(session, customer_id=user.id, key=key), wanted)

    async def _begin_delete(
        self, user: User, vmid: int, hostname: str, customer_id: str | None, request_id: str
    ) -> Removal:
        async with self._database.transaction() as session:
            operation = await begin_delete(
                session,
                self._operations,
                actor=user.id,
                vmid=vmid,
                hostname=hostname,
                customer_id=customer_id,
                request_id=request_id,
                budget=self._settings.delete_budget,
            )
        self._operations.committed()
        return Removal(vmid, operation=operation)

    async def _orphan_of(self, user: User, guest: Guest) -> bool:
        """Say whether a container without a row is the caller's leftover. Raises BeingCreated."""
        with following():
            config = await self._proxmox.config(
                vmid=guest.vmid, node=guest.node, budget=Budget.seconds(LOOK_SECONDS)
            )
        owner = owner_of(str(config.get("description", "")))
        if owner is None or guest.template or not (user.is_admin or owner == user.id):
            return False
        async with self._database.transaction() as session:
            if await instances.find_reservation(session, guest.vmid) is not None:
                raise BeingCreated("This server is still being created; cancel that operation first.")
        return True


def _demand(body: CreateBody, *fields: str) -> None:
    """Raise MissingField for the first that is absent."""
    for field in fields:
        if getattr(body, field) is None:
            raise MissingField(f"'{field}' is required.", details={"field": field})


def _fingerprint(wanted: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()


def _replay(earlier: IdempotencyKey | None, wanted: dict[str, Any]) -> None:
    """Go back to what a key began. Raises _Replayed, or KeyReused when it began something else."""
    if earlier is None:
        return
    if earlier.fingerprint != _fingerprint(wanted):
        raise KeyReused("This Idempotency-Key was used for another request.")
    raise _Replayed(earlier.operation_id)
