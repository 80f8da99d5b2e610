"""The node: what its containers are and what may be done to them, in Proxmox's words."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zpack.localpve.backends.base import Backend, BackendError, Guest, Template, Usage
from zpack.localpve.errors import ApiError, bad_parameters, no_such_guest
from zpack.localpve.ledger import Ledger, Record
from zpack.localpve.schema import is_true

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from zpack.localpve.tasks import Task, Tasks

log = logging.getLogger("zpack.localpve")
SHUTDOWN_SECONDS = 60.0
CLOSE_SECONDS = 20.0
START_AT_ONCE = 4


class Node:
    """One Proxmox node on one machine."""

    def __init__(
        self, *, name: str, home: Path, backend: Backend, tasks: Tasks, subnet: str = "127.77.0.0/16"
    ) -> None:
        self.name = name
        self.backend = backend
        self.tasks = tasks
        self._home = home
        self._base = int(ipaddress.ip_network(subnet).network_address)
        self._ledger = Ledger(home / "ledger.json")
        self._locks: dict[int, str] = {}
        self.templates = {t.vmid: t for t in read_templates(home / "templates")}

    # --- what there is -------------------------------------------------------------------------

    def record(self, vmid: int) -> Record:
        """Return a guest's record. Raises ApiError in Proxmox's words."""
        found = self._ledger.get(vmid)
        if found is None and vmid in self.templates:
            return Record(vmid, 0, {"hostname": f"template-{vmid}"})
        if found is None:
            raise no_such_guest(self.name, vmid)
        return found

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
        """Return a record as its backend sees it."""
        config = record.config
        return Guest(
            vmid=record.vmid,
            hostname=config.get("hostname", f"CT{record.vmid}"),
            ip=str(ipaddress.ip_address(self._base + (record.vmid & 0xFFFF))),
            template=self.templates[record.template_of],
            memory=int(config.get("memory", "512")),
            swap=int(config.get("swap", "512")),
            cores=int(config.get("cores", "1")),
        )

    def config(self, vmid: int) -> dict[str, Any]:
        """Return ``GET …/config``."""
        record = self.record(vmid)
        found: dict[str, Any] = {"arch": "amd64", "ostype": "unmanaged", "digest": "0" * 40, **record.config}
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
        running = vmid not in self.templates and await self.backend.running(self.guest(record))
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
            "maxdisk": 8 << 30,
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
        if vmid in self.templates or not await self.backend.running(self.guest(record)):
            raise ApiError(500, f"CT {vmid} not running")
        ip = await self.backend.address(self.guest(record))
        hwaddr = "bc:24:11:" + ":".join(f"{(vmid >> shift) & 0xFF:02x}" for shift in (16, 8, 0))
        lo = {"name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8", "inet6": "::1/128"}
        return [lo, {"name": "eth0", "hwaddr": hwaddr, "inet": f"{ip}/16"}]

    # --- what may be done ------------------------------------------------------------------------

    def clone(self, template: int, given: dict[str, str]) -> str:
        """Begin a clone; return its UPID. Raises ApiError."""
        self.record(template)
        newid = int(given["newid"])
        if newid in self.vmids():
            raise ApiError(500, f"CT/VM {newid} already exists on node '{self.name}'")
        if template not in self.templates:
            raise ApiError(500, f"CT {template} is not a template")
        hold = self._hold(template, "disk")
        hold.__enter__()
        config = {"hostname": given.get("hostname", f"CT{newid}"), "memory": "512", "swap": "512"}
        if given.get("description"):
            config["description"] = given["description"]
        record = Record(newid, template, config, made=False)
        self._ledger.put(record)
        self._locks[newid] = "create"

        async def work(task: Task) -> None:
            try:
                task.lines.append(f"create full clone of mountpoint rootfs ({template})")
                await self.backend.clone(self.guest(record))
                self._ledger.put(replace(record, made=True))
            except BackendError:
                self._ledger.remove(newid)
                raise
            finally:
                self._locks.pop(newid, None)
                hold.__exit__(None, None, None)

        return self.tasks.start("vzclone", template, work)

    def configure(self, vmid: int, given: dict[str, str]) -> None:
        """Change a configuration at once. Raises ApiError."""
        record = self._own(vmid)
        with self._hold(vmid, "config"):
            config = dict(record.config)
            for key in given.pop("delete", "").replace(";", ",").split(","):
                config.pop(key.strip(), None)
            given.pop("digest", None)
            self._ledger.put(replace(record, config=config | given))

    def resize(self, vmid: int, given: dict[str, str]) -> str:
        """Accept a resize; the disk is the host's own, so only the number changes."""
        record = self._own(vmid)
        if given["disk"] != "rootfs":
            raise ApiError(500, f"unable to resize '{given['disk']}': no such volume")

        async def work(task: Task) -> None:
            self._ledger.put(record.with_config({"rootfs": f"local:{vmid},size={given['size'].lstrip('+')}"}))
            task.lines.append(f"rootfs is {given['size']} now")

        return self.tasks.start("resize", vmid, work)

    async def start(self, vmid: int) -> str:
        """Begin a start; return its UPID. Raises ApiError."""
        record = self._own(vmid)
        self._free(vmid)
        if await self.backend.running(self.guest(record)):
            raise ApiError(500, f"CT {vmid} already running")

        async def work(task: Task) -> None:
            with self._hold(vmid, "start"):
                await self.backend.start(self.guest(self.record(vmid)))
                self._want(vmid, running=True)
                task.lines.append(f"CT {vmid} started")

        return self.tasks.start("vzstart", vmid, work)

    async def stop(self, vmid: int, *, kind: str = "vzstop", seconds: float | None = None) -> str:
        """Begin a stop, or a shutdown within ``seconds``; return its UPID. Raises ApiError."""
        record = self._own(vmid)
        self._free(vmid)
        guest = self.guest(record)
        if not await self.backend.running(guest):
            raise ApiError(500, f"CT {vmid} not running")

        async def work(task: Task) -> None:
            with self._hold(vmid, "shutdown"):
                if seconds is None:
                    await self.backend.stop(guest)
                else:
                    await self.backend.shutdown(guest, timeout=seconds)
                self._want(vmid, running=False)
                task.lines.append(f"CT {vmid} stopped")

        return self.tasks.start(kind, vmid, work)

    async def reboot(self, vmid: int, seconds: float) -> str:
        """Begin a reboot; return its UPID. Raises ApiError."""
        guest = self.guest(self._own(vmid))
        self._free(vmid)
        if not await self.backend.running(guest):
            raise ApiError(500, f"CT {vmid} not running")

        async def work(task: Task) -> None:
            with self._hold(vmid, "reboot"):
                await self.backend.shutdown(guest, timeout=seconds)
                await self.backend.start(self.guest(self.record(vmid)))
                task.lines.append(f"CT {vmid} rebooted")

        return self.tasks.start("vzreboot", vmid, work)

    async def delete(self, vmid: int, given: dict[str, str]) -> str:
        """Begin a delete; return its UPID. Raises ApiError."""
        guest = self.guest(self._own(vmid))
        self._free(vmid)
        if is_true(self.record(vmid).config.get("protection")):
            raise ApiError(500, f"can't remove CT {vmid} - protection mode enabled")
        if await self.backend.running(guest) and not is_true(given.get("force")):
            raise ApiError(500, f"unable to destroy CT {vmid}: container is running")

        async def work(task: Task) -> None:
            with self._hold(vmid, "destroy"):
                await self.backend.stop(guest)
                await self.backend.destroy(guest)
                self._ledger.remove(vmid)
                task.lines.append(f"purging CT {vmid} from related configurations..")

        return self.tasks.start("vzdestroy", vmid, work)

    # --- life of the node ------------------------------------------------------------------------

    async def resume(self) -> None:
        """Start again what should run; drop clones that a crash left half-made."""
        gate = asyncio.Semaphore(START_AT_ONCE)

        async def one(record: Record) -> None:
            async with gate:
                try:
                    if not await self.backend.running(self.guest(record)):
                        await self.backend.start(self.guest(record))
                except BackendError as failure:
                    log.warning("CT %s could not be started again: %s", record.vmid, failure)

        for record in self._ledger.all():
            if not record.made and record.template_of in self.templates:
                await self.backend.destroy(self.guest(record))
                self._ledger.remove(record.vmid)
        async with asyncio.TaskGroup() as group:
            for record in self._ledger.all():
                if record.running and record.template_of in self.templates:
                    group.create_task(one(record))

    async def close(self) -> None:
        """Stop every guest in an orderly way, remembering which ran."""
        await self.tasks.drain()

        async def one(record: Record) -> None:
            guest = self.guest(record)
            try:
                if await self.backend.running(guest):
                    await self.backend.shutdown(guest, timeout=CLOSE_SECONDS)
            except BackendError:
                await self.backend.stop(guest)

        async with asyncio.TaskGroup() as group:
            for record in self._ledger.all():
                if record.template_of in self.templates:
                    group.create_task(one(record))
        await self.backend.close()

    # --- locks -----------------------------------------------------------------------------------

    def _own(self, vmid: int) -> Record:
        """Return a guest that is no template. Raises ApiError."""
        if vmid in self.templates:
            raise ApiError(500, "you can't do that to a template")
        return self.record(vmid)

    def _free(self, vmid: int) -> None:
        if vmid in self._locks:
            raise ApiError(500, f"CT is locked ({self._locks[vmid]})")

    @contextmanager
    def _hold(self, vmid: int, word: str) -> Generator[None]:
        """Hold a guest's configuration lock. Raises ApiError when another task has it."""
        self._free(vmid)
        self._locks[vmid] = word
        try:
            yield
        finally:
            self._locks.pop(vmid, None)

    def _want(self, vmid: int, *, running: bool) -> None:
        self._ledger.put(replace(self.record(vmid), running=running))


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
