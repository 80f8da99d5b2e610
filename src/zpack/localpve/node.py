"""The node: what its containers are and what may be done to them, in Proxmox's words."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zpack.localpve.backends.base import Backend, BackendError, Guest, Template, Usage
from zpack.localpve.configuration import checked_change, new_config, volume
from zpack.localpve.disk import DEFAULT, grown, resized, size_of
from zpack.localpve.errors import ApiError, bad_parameters, no_such_guest
from zpack.localpve.ledger import Ledger, Record
from zpack.localpve.rrd import Rrd
from zpack.localpve.schema import is_true

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from pathlib import Path

    from zpack.localpve.history import Task
    from zpack.localpve.tasks import Tasks

    Work = Callable[[Task], Awaitable[None]]

log = logging.getLogger("zpack.localpve")
CLOSE_SECONDS = 20.0
DRAIN_SECONDS = 5.0
START_AT_ONCE = 4
ADDRESS_BITS = 16


class Node:
    """One Proxmox node on one machine."""

    def __init__(
        self,
        *,
        name: str,
        home: Path,
        backend: Backend,
        tasks: Tasks,
        subnet: str = "127.77.0.0/16",
        names: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.names = names or (name,)
        """The cluster's nodes; more than one only when it plays a cluster for a rehearsal."""
        self._moved: dict[int, str] = {}
        self.backend = backend
        self.tasks = tasks
        self._home = home
        network = ipaddress.IPv4Network(subnet)
        if network.prefixlen > ADDRESS_BITS:
            msg = f"the guests' subnet must be a /{ADDRESS_BITS} or larger, not {subnet}"
            raise ValueError(msg)
        self._base = int(network.network_address)
        self._ledger = Ledger(home / "ledger.json")
        self._locks: dict[int, str] = {}
        self.templates = {t.vmid: t for t in read_templates(home / "templates")}
        self.rrd = Rrd(node=self)

    # --- what there is -------------------------------------------------------------------------

    def record(self, vmid: int) -> Record:
        """Return a guest's record. Raises ApiError in Proxmox's words."""
        found = self._ledger.get(vmid)
        if found is None and vmid in self.templates:
            return Record(vmid, 0, {"hostname": f"template-{vmid}", "rootfs": f"local:{vmid},size={DEFAULT}"})
        if found is None:
            raise no_such_guest(self.name, vmid)
        return found

    def node_of(self, vmid: int) -> str:
        """Return the node a guest is on."""
        return self._moved.get(vmid, self.name)

    def vmids(self) -> list[int]:
        """Return every VMID in use."""
        return sorted({record.vmid for record in self._ledger.all()} | set(self.templates))

    def next_id(self, wanted: int | None) -> int:
        """Return a free VMID. Raises Proxmox's 400 when ``wanted`` is taken."""
        used = set(self.vmids())
        if wanted is None:
            return next(n for n in range(100, 1_000_000_000) if n not in used)
        if wanted in used:
            raise bad_parameters({"vmid": f"VM {wanted} already exists"})
        return wanted

    def guest(self, record: Record) -> Guest:
        """Return a record as its backend sees it. Raises ApiError when its template is gone."""
        config = record.config
        if record.template_of not in self.templates:
            raise ApiError(500, f"template {record.template_of} of CT {record.vmid} is missing")
        return Guest(
            vmid=record.vmid,
            hostname=config.get("hostname", f"CT{record.vmid}"),
            ip=self._address(record.vmid),
            template=self.templates[record.template_of],
            memory=int(config.get("memory", "512")),
            swap=int(config.get("swap", "512")),
            cores=int(config.get("cores", "1")),
        )

    def _address(self, vmid: int) -> str:
        return str(ipaddress.ip_address(self._base + (vmid & 0xFFFF)))

    def config(self, vmid: int) -> dict[str, Any]:
        """Return ``GET …/config``."""
        record = self.record(vmid)
        found: dict[str, Any] = {"arch": "amd64", "ostype": "unmanaged", **record.config}
        found["digest"] = record.digest
        for key in ("cores", "memory", "swap", "onboot", "unprivileged"):
            if key in found:
                found[key] = int(found[key])
        if vmid in self.templates:
            found["template"] = 1
        if vmid in self._locks:
            found["lock"] = self._locks[vmid]
        return found

    async def current(self, vmid: int) -> dict[str, Any]:
        """Return ``GET …/status/current``."""
        record = self.record(vmid)
        running = await self._runs(record)
        usage = await self.backend.usage(self.guest(record)) if running else Usage()
        config = record.config
        found: dict[str, Any] = {
            "vmid": vmid,
            "name": config.get("hostname", ""),
            "type": "lxc",
            "status": "running" if running else "stopped",
            "cpus": int(config.get("cores", "1")),
            "maxmem": int(config.get("memory", "512")) << 20,
            "maxswap": int(config.get("swap", "512")) << 20,
            "maxdisk": size_of(config.get("rootfs")),
            "cpu": usage.cpu,
            "mem": usage.mem,
            "disk": usage.disk,
            "uptime": usage.uptime,
            "netin": usage.netin,
            "netout": usage.netout,
            "diskread": 0,
            "diskwrite": 0,
            "swap": 0,
            "ha": {"managed": 0},
        }
        if usage.pid:
            found["pid"] = usage.pid
        if config.get("tags"):
            found["tags"] = config["tags"]
        if vmid in self.templates:
            found["template"] = 1
        return found

    async def interfaces(self, vmid: int) -> list[dict[str, Any]]:
        """Return ``GET …/interfaces``; a stopped container has none."""
        record = self.record(vmid)
        if not await self._runs(record):
            raise ApiError(500, f"CT {vmid} not running")
        ip = await self.backend.address(self.guest(record))
        hwaddr = "bc:24:11:" + ":".join(f"{(vmid >> shift) & 0xFF:02x}" for shift in (16, 8, 0))
        lo = {"name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8", "inet6": "::1/128"}
        return [lo, {"name": "eth0", "hwaddr": hwaddr, "inet": f"{ip}/16"}]

    # --- what may be done ------------------------------------------------------------------------

    def clone(self, template: int, given: dict[str, str]) -> str:
        """Begin a clone; return its UPID. Raises ApiError."""
        record = self._cloned(template, given)
        newid = record.vmid
        with ExitStack() as stack:
            stack.enter_context(self._hold(template, "disk"))
            if newid in self.vmids():
                raise ApiError(500, f"CT/VM {newid} already exists on node '{self.name}'")
            self._refuse_shared_address(newid)
            stack.enter_context(self._hold(newid, "create"))
            self._ledger.put(record)
            held = stack.pop_all()

        async def work(task: Task) -> None:
            with held:
                task.lines.append(f"create full clone of mountpoint rootfs ({template})")
                try:
                    await self.backend.clone(self.guest(record))
                    self._ledger.put(replace(record, made=True))
                    self._place(newid, given.get("target"))
                except BaseException:
                    await self._unmake(record)
                    raise

        return self.tasks.start("vzclone", template, work)

    def _place(self, vmid: int, target: str | None) -> None:
        if target is not None and target in self.names and target != self.name:
            self._moved[vmid] = target

    def _cloned(self, template: int, given: dict[str, str]) -> Record:
        """Return the record of a clone that is asked for. Raises ApiError."""
        self.record(template)
        if template not in self.templates:
            raise ApiError(500, f"CT {template} is not a template")
        if given.get("target") not in {None, "", "localhost", *self.names}:
            raise ApiError(500, f"no such cluster node '{given['target']}'")
        return Record(int(given["newid"]), template, new_config(given), made=False)

    def _refuse_shared_address(self, newid: int) -> None:
        for vmid in self.vmids():
            if vmid not in self.templates and self._address(vmid) == self._address(newid):
                raise ApiError(500, f"CT {newid} would have the address {self._address(newid)} of CT {vmid}")

    async def _unmake(self, record: Record) -> None:
        """Remove what there is of a clone that failed."""
        try:
            await self.backend.destroy(self.guest(record))
        except BackendError as failure:
            log.warning("CT %s is not wholly removed: %s", record.vmid, failure)
        finally:
            self._ledger.remove(record.vmid)

    def configure(self, vmid: int, given: dict[str, str]) -> None:
        """Change a configuration at once. Raises ApiError."""
        record = self._own(vmid)
        with self._hold(vmid, "config"):
            change = checked_change(given, digest=record.digest)
            config = {key: text for key, text in record.config.items() if key not in change.delete}
            config |= {key: volume(vmid, key, text) for key, text in change.set.items()}
            self._ledger.put(replace(record, config=config))

    async def resize(self, vmid: int, given: dict[str, str]) -> str:
        """Begin a resize; the disk is the host's own, so only the number changes. Raises ApiError."""
        if given["disk"] != "rootfs":
            raise ApiError(500, f"unable to resize '{given['disk']}': no such volume")
        grown(self._own(vmid).config.get("rootfs"), given["size"])

        async def work(task: Task) -> None:
            record = self.record(vmid)
            size = grown(record.config.get("rootfs"), given["size"])
            self._ledger.put(record.with_config({"rootfs": resized(record.config.get("rootfs"), vmid, size)}))
            task.lines.append(f"rootfs is {size} now")

        return await self._begin("resize", vmid, work, word="disk", refuse=lambda _: None)

    async def start(self, vmid: int) -> str:
        """Begin a start; return its UPID. Raises ApiError."""

        async def work(task: Task) -> None:
            await self.backend.start(self.guest(self.record(vmid)))
            self._want(vmid, running=True)
            task.lines.append(f"CT {vmid} started")

        return await self._begin(
            "vzstart", vmid, work, word="start", refuse=_if_running(f"CT {vmid} already running")
        )

    async def stop(self, vmid: int) -> str:
        """Begin a stop; return its UPID. Raises ApiError."""

        async def work(task: Task) -> None:
            await self.backend.stop(self.guest(self.record(vmid)))
            self._want(vmid, running=False)
            task.lines.append(f"CT {vmid} stopped")

        return await self._begin("vzstop", vmid, work, word="shutdown", refuse=_unless_running(vmid))

    async def shutdown(self, vmid: int, *, seconds: float, force: bool) -> str:
        """Begin a shutdown, with ``force`` a stop after ``seconds``; return its UPID. Raises ApiError."""

        async def work(task: Task) -> None:
            guest = self.guest(self.record(vmid))
            try:
                await self.backend.shutdown(guest, timeout=seconds)
            except BackendError:
                if not force:
                    raise
                await self.backend.stop(guest)
            self._want(vmid, running=False)
            task.lines.append(f"CT {vmid} stopped")

        return await self._begin("vzshutdown", vmid, work, word="shutdown", refuse=_unless_running(vmid))

    async def reboot(self, vmid: int, seconds: float) -> str:
        """Begin a reboot; return its UPID. Raises ApiError."""

        async def work(task: Task) -> None:
            guest = self.guest(self.record(vmid))
            await self.backend.shutdown(guest, timeout=seconds)
            await self.backend.start(guest)
            task.lines.append(f"CT {vmid} rebooted")

        return await self._begin("vzreboot", vmid, work, word="reboot", refuse=_unless_running(vmid))

    async def migrate(self, vmid: int, target: str, seconds: float) -> None:
        """Move a guest to another node of the cluster; it is locked meanwhile. Raises ApiError."""
        self._own(vmid)
        with self._hold(vmid, "migrate"):
            await asyncio.sleep(seconds)
            self._moved[vmid] = target

    async def delete(self, vmid: int, given: dict[str, str]) -> str:
        """Begin a delete; return its UPID. Raises ApiError."""
        if is_true(self._own(vmid).config.get("protection")):
            raise ApiError(500, f"can't remove CT {vmid} - protection mode enabled")

        async def work(task: Task) -> None:
            guest = self.guest(self.record(vmid))
            await self.backend.stop(guest)
            await self.backend.destroy(guest)
            self._ledger.remove(vmid)
            self._moved.pop(vmid, None)
            task.lines.append(f"purging CT {vmid} from related configurations..")

        complaint = (
            None if is_true(given.get("force")) else f"unable to destroy CT {vmid} - container is running"
        )
        return await self._begin("vzdestroy", vmid, work, word="destroy", refuse=_if_running(complaint))

    async def _begin(
        self, kind: str, vmid: int, work: Work, *, word: str, refuse: Callable[[bool], str | None]
    ) -> str:
        """Begin a task that has the guest's lock from this moment to its end. Raises ApiError.

        The lock comes before the look at the guest's state: of two equal requests one always loses.
        """
        record = self._own(vmid)
        with ExitStack() as stack:
            stack.enter_context(self._hold(vmid, word))
            complaint = refuse(await self._runs(record))
            if complaint:
                raise ApiError(500, complaint)
            held = stack.pop_all()

        async def locked(task: Task) -> None:
            with held:
                await work(task)

        return self.tasks.start(kind, vmid, locked, node=self.node_of(vmid))

    # --- life of the node ------------------------------------------------------------------------

    async def resume(self) -> None:
        """Start again what should run; end what a killed localpve left, and drop half-made clones."""
        gate = asyncio.Semaphore(START_AT_ONCE)

        async def one(record: Record) -> None:
            async with gate:
                try:
                    await self._restore(record)
                except (BackendError, ApiError) as failure:
                    log.warning("CT %s could not be brought back: %s", record.vmid, failure)

        async with asyncio.TaskGroup() as group:
            for record in self._ledger.all():
                group.create_task(one(record))

    async def _restore(self, record: Record) -> None:
        guest = self.guest(record)
        if not record.made:
            await self.backend.destroy(guest)
            self._ledger.remove(record.vmid)
        elif record.running and not await self.backend.running(guest):
            await self.backend.start(guest)
        elif not record.running and await self.backend.running(guest):
            await self.backend.stop(guest)

    async def close(self) -> None:
        """Stop every guest in an orderly way, remembering which ran."""
        await self.tasks.close(DRAIN_SECONDS)

        async def one(record: Record) -> None:
            try:
                if await self._runs(record):
                    await self._shut(self.guest(record))
            except BackendError as failure:
                log.warning("CT %s could not be stopped: %s", record.vmid, failure)

        async with asyncio.TaskGroup() as group:
            for record in self._ledger.all():
                group.create_task(one(record))
        await self.backend.close()

    async def _shut(self, guest: Guest) -> None:
        try:
            await self.backend.shutdown(guest, timeout=CLOSE_SECONDS)
        except BackendError:
            await self.backend.stop(guest)

    # --- locks -----------------------------------------------------------------------------------

    def _own(self, vmid: int) -> Record:
        """Return a guest that is no template. Raises ApiError."""
        if vmid in self.templates:
            raise ApiError(500, "you can't do that to a template")
        return self.record(vmid)

    async def _runs(self, record: Record) -> bool:
        """Say whether a guest runs; templates, and guests without one, never do."""
        if record.vmid in self.templates or record.template_of not in self.templates:
            return False
        return await self.backend.running(self.guest(record))

    @contextmanager
    def _hold(self, vmid: int, word: str) -> Generator[None]:
        """Hold a guest's configuration lock. Raises ApiError when another task has it."""
        if vmid in self._locks:
            raise ApiError(500, f"CT is locked ({self._locks[vmid]})")
        self._locks[vmid] = word
        try:
            yield
        finally:
            self._locks.pop(vmid, None)

    def _want(self, vmid: int, *, running: bool) -> None:
        self._ledger.put(replace(self.record(vmid), running=running))


def _if_running(complaint: str | None) -> Callable[[bool], str | None]:
    return lambda running: complaint if running else None


def _unless_running(vmid: int) -> Callable[[bool], str | None]:
    return lambda running: None if running else f"CT {vmid} not running"


def read_templates(folder: Path) -> list[Template]:
    """Return the templates below a folder: one ``<vmid>/template.json`` each."""
    found: list[Template] = []
    for path in sorted(folder.glob("*/template.json")):
        body: dict[str, Any] = json.loads(path.read_text())
        found.append(
            Template(
                vmid=int(path.parent.name),
                rootfs=path.parent / "rootfs",
                init=tuple(body["init"]),
                env=dict(body.get("env", {})),
                mounts=tuple(body.get("mounts", ())),
            )
        )
    return found
