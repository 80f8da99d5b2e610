"""The Proxmox VE API, the calls of contract §8.3.

Facts the code relies on: a clone, start, stop or delete answers a UPID whose task must be followed;
``WARNINGS: n`` is a success; after a time-out the effect is unknown, so callers look before they try again.
What goes wrong is told by the kinds of ``proxmox_errors.py``, which host is asked by ``proxmox_hosts.py``.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from zpack.control.engine import tracing
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.proxmox_access import Token
from zpack.control.outside.proxmox_errors import (
    AlreadyExists,
    AlreadyRunning,
    Denied,
    Garbled,
    Locked,
    Lost,
    Missing,
    NotRunning,
    SameSize,
    Unreachable,
    error_for,
    following,
    message_of,
)
from zpack.control.outside.proxmox_facts import Guest, Timeframe, first_address, objects, read_resources
from zpack.control.outside.proxmox_hosts import ApiHosts, Question
from zpack.control.outside.proxmox_tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.engine.budget import Budget
    from zpack.control.outside.http import ForeignHttp
    from zpack.control.outside.proxmox_access import Access
    from zpack.control.outside.proxmox_facts import Resources, TaskRow
    from zpack.control.outside.proxmox_tasks import TaskNote

__all__ = [
    "AlreadyExists", "Denied", "Guest", "Locked", "Missing", "Proxmox", "Timeframe", "Unreachable",
    "following",
]  # fmt: skip

SUCCESS = range(200, 300)
Verb = Literal["POST", "PUT", "DELETE"]


class Proxmox:
    """A client of one cluster.

    ``base_url`` is its API host, or several, comma separated; ``access`` how we get in, by default with a
    ``token`` of the form ``USER@REALM!ID=SECRET``; ``node`` the node of containers that are not placed.
    """

    def __init__(
        self,
        *,
        base_url: str,
        node: str,
        http: ForeignHttp,
        token: str = "",
        access: Access | None = None,
        stop_seconds: float = 60.0,
    ) -> None:
        urls = [url.strip() for url in base_url.split(",") if url.strip()]
        self._hosts = ApiHosts(urls=urls, access=access or Token(token), http=http)
        self.default_node = node
        self._tasks = Tasks(self._get)
        self._stop_seconds = stop_seconds

    # --- what there is ---------------------------------------------------------------------------

    async def resources(self, budget: Budget) -> Resources:
        """Return every container, node and storage that the cluster lists."""
        return read_resources(await self._rows("/cluster/resources", budget))

    async def guests(self, budget: Budget) -> dict[int, Guest]:
        """Return every container of the cluster by VMID."""
        return read_resources(await self._rows("/cluster/resources", budget, {"type": "vm"})).guests

    async def nodes(self, budget: Budget) -> dict[str, bool]:
        """Return every node of the cluster, and whether it is online."""
        rows = objects(await self._rows("/nodes", budget))
        return {str(row["node"]): row.get("status") == "online" for row in rows if "node" in row}

    async def read(self, path: str, budget: Budget) -> Any:
        """Return what a path of the API answers to GET."""
        return await self._get(path, budget)

    async def taken_vmids(self, budget: Budget) -> set[int]:
        """Return every VMID in use on the cluster, virtual machines included."""
        rows = objects(await self._rows("/cluster/resources", budget, {"type": "vm"}))
        return {row["vmid"] for row in rows if isinstance(row.get("vmid"), int)}

    async def locate(self, vmid: int, budget: Budget) -> Guest | None:
        """Return where a container is, or None when the cluster has none of that VMID (row S55).

        A token sees only what it may: that there is none is believed when Proxmox would give the VMID away.
        Raises ForeignError, transient: right after a clone the permissions lag behind.
        """
        rows = await self._rows("/cluster/resources", budget, {"type": "vm"})
        guest = read_resources(rows).guests.get(vmid)
        if guest is not None or any(row.get("vmid") == vmid for row in objects(rows)):
            return guest
        if await self.is_taken(vmid, budget):
            raise ForeignError(f"Proxmox has a guest {vmid} that our token does not see", transient=True)
        return None

    async def is_taken(self, vmid: int, budget: Budget) -> bool:
        """Say whether Proxmox uses a VMID, for whomever."""
        try:
            await self._get("/cluster/nextid", budget, {"vmid": str(vmid)})
        except AlreadyExists:
            return True
        return False

    async def config(self, *, vmid: int, node: str, budget: Budget) -> dict[str, Any]:
        """Return a container's configuration. Raises Missing."""
        return await self._object(f"/nodes/{node}/lxc/{vmid}/config", budget)

    async def current(self, *, vmid: int, node: str, budget: Budget) -> dict[str, Any]:
        """Return ``status/current``. Raises Missing."""
        return await self._object(f"/nodes/{node}/lxc/{vmid}/status/current", budget)

    async def address(self, *, vmid: int, node: str, budget: Budget) -> str | None:
        """Return the container's first IPv4 address that is not ``lo``'s, or None while it has none."""
        return first_address(await self._get(f"/nodes/{node}/lxc/{vmid}/interfaces", budget))

    async def rrd(self, vmid: int, timeframe: Timeframe, budget: Budget) -> list[dict[str, Any]]:
        """Return what a container used over time, a row of figures each step. Raises Missing."""
        guest = await self.locate(vmid, budget)
        if guest is None:
            raise Missing("Proxmox: the cluster lists no such container", transient=False)
        path, params = f"/nodes/{guest.node}/lxc/{vmid}/rrddata", {"timeframe": timeframe, "cf": "AVERAGE"}
        return objects(await self._get(path, budget, params))

    async def tasks(self, *, node: str, budget: Budget, **filters: str) -> list[TaskRow]:
        """Return a node's recent tasks, newest first; ``vmid`` and ``since`` are filters of Proxmox's own."""
        return await self._tasks.list(node, budget, **filters)

    async def version(self, budget: Budget) -> dict[str, Any]:
        """Return the server's version; proves that the token works."""
        return await self._object("/version", budget)

    async def ping(self, budget: Budget) -> bool:
        """Say whether the cluster has a majority, so that it can be changed; a single node always has."""
        rows = objects(await self._rows("/cluster/status", budget))
        return all(row.get("quorate", 1) for row in rows if row.get("type") == "cluster")

    # --- what may be done: each returns the task's warnings -------------------------------------------

    async def clone(
        self,
        *,
        template: int,
        node: str,
        newid: int,
        hostname: str,
        description: str,
        storage: str | None,
        pool: str | None,
        budget: Budget,
        target: str | None = None,
        note: TaskNote | None = None,
    ) -> str | None:
        """Full-clone the template on ``node``, to ``target`` when that is another node.

        Raises AlreadyExists, Locked, Missing, Misconfigured, NoSpace, ….
        """
        form = {"newid": str(newid), "hostname": hostname, "description": description, "full": "1"}
        form |= {"storage": storage} if storage else {}
        form |= {"pool": pool} if pool else {}
        form |= {"target": target} if target and target != node else {}
        upid = await self._change("POST", f"/nodes/{node}/lxc/{template}/clone", budget, form)
        return await self._followed("vzclone", upid, budget, note)

    async def configure(self, *, vmid: int, node: str, settings: Mapping[str, str], budget: Budget) -> None:
        """Change a container's configuration."""
        await self._change("PUT", f"/nodes/{node}/lxc/{vmid}/config", budget, settings)

    async def resize(self, *, vmid: int, node: str, disk: str, gib: int, budget: Budget) -> str | None:
        """Grow a volume to so many GiB; asking twice is asking once. Never smaller: Proxmox refuses that."""
        form = {"disk": disk, "size": f"{gib}G"}
        try:
            upid = await self._change("PUT", f"/nodes/{node}/lxc/{vmid}/resize", budget, form)
            return await self._followed("resize", upid, budget, None)
        except SameSize:
            return None

    async def start(
        self, *, vmid: int, node: str, budget: Budget, note: TaskNote | None = None
    ) -> str | None:
        """Start a container; one that runs already is fine."""
        try:
            return await self._run("vzstart", vmid, node, budget, note=note)
        except AlreadyRunning:
            return None

    async def shutdown(
        self, *, vmid: int, node: str, seconds: int, budget: Budget, note: TaskNote | None = None
    ) -> str | None:
        """Ask a container to end within ``seconds``; one that does not run is fine."""
        try:
            return await self._run(
                "vzshutdown", vmid, node, budget, form={"timeout": str(seconds)}, note=note
            )
        except NotRunning:
            return None

    async def stop(self, *, vmid: int, node: str, budget: Budget, note: TaskNote | None = None) -> str | None:
        """Stop a container at once; one that does not run is fine."""
        budget = budget.at_most(self._stop_seconds)
        try:
            return await self._run("vzstop", vmid, node, budget, note=note)
        except NotRunning:
            return None

    async def delete(
        self, *, vmid: int, node: str, budget: Budget, note: TaskNote | None = None
    ) -> str | None:
        """Delete a stopped container. Raises Missing: it is gone, or on another node."""
        return await self._run("vzdestroy", vmid, node, budget, note=note)

    async def resumed(self, kind: str, note: TaskNote, budget: Budget) -> bool:
        """Follow the task that an earlier try began; say whether it ended well, False when there is none."""
        upid = await note.begun(kind)
        if upid is None:
            return False
        try:
            await self._followed(kind, upid, budget, note)
        except ForeignError as failure:
            if isinstance(failure, Unreachable | Garbled):
                raise
            return False  # it failed: the caller tries anew
        return True

    async def close(self) -> None:
        """Close the session."""
        await self._hosts.close()

    # --- how ---------------------------------------------------------------------------------------

    async def _run(
        self,
        kind: str,
        vmid: int,
        node: str,
        budget: Budget,
        *,
        form: Mapping[str, str] | None = None,
        note: TaskNote | None = None,
    ) -> str | None:
        """Have one task done on a container: ours of an earlier try, one that runs already, or a new one."""
        if note is not None and await self.resumed(kind, note, budget):
            return None
        method, action = CHANGES[kind]
        try:
            upid = await self._change(method, f"/nodes/{node}/lxc/{vmid}{action}", budget, form)
        except (Locked, Lost):
            upid = await self._running(kind, vmid, node, budget)
            if upid is None:
                raise
        return await self._followed(kind, upid, budget, note)

    async def _running(self, kind: str, vmid: int, node: str, budget: Budget) -> str | None:
        """Return the task of this kind that runs on a container, None also when nobody can say."""
        with suppress(ForeignError):
            return await self._tasks.find_running(node=node, vmid=vmid, kind=kind, budget=budget)
        return None

    async def _followed(self, kind: str, upid: Any, budget: Budget, note: TaskNote | None) -> str | None:
        if upid is None:
            return None  # older servers answer some changes when they are made
        if not isinstance(upid, str):
            raise Garbled("Proxmox answered a UPID that is none", transient=True, timed_out=True)
        if note is not None:
            await note.note(kind, upid)
        try:
            with tracing.call("proxmox task", task=kind):
                warnings = await self._tasks.follow(upid, budget)
        except (Unreachable, Garbled):
            raise  # it may go on
        except ForeignError:
            if note is not None:
                await note.note(kind, None)
            raise
        if note is not None:
            await note.note(kind, None)
        return f"{kind}: {warnings}" if warnings else None

    async def _get(self, path: str, budget: Budget, params: Mapping[str, str] | None = None) -> Any:
        return _data(await self._hosts.ask(Question("GET", path, params=params), budget))

    async def _rows(self, path: str, budget: Budget, params: Mapping[str, str] | None = None) -> list[Any]:
        found = await self._get(path, budget, params)
        if not isinstance(found, list):
            raise Garbled(f"{path} is no list", transient=True)
        return found

    async def _object(self, path: str, budget: Budget) -> dict[str, Any]:
        found = await self._get(path, budget)
        if not isinstance(found, dict):
            raise Garbled(f"{path} is no object", transient=True)
        return found

    async def _change(
        self, method: Verb, path: str, budget: Budget, form: Mapping[str, str] | None = None
    ) -> Any:
        return _data(await self._hosts.ask(Question(method, path, form=form), budget))


CHANGES: dict[str, tuple[Verb, str]] = {
    "vzstart": ("POST", "/status/start"),
    "vzshutdown": ("POST", "/status/shutdown"),
    "vzstop": ("POST", "/status/stop"),
    "vzdestroy": ("DELETE", ""),
}


def _data(answer: Any) -> Any:
    """Return what an answer carries. Raises what it complains of."""
    if answer.status not in SUCCESS:
        raise error_for(answer.status, message_of(answer))
    return answer.json["data"]
