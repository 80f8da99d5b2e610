"""The Proxmox VE API, the calls of contract §8.3.

Facts the code relies on: errors come as a reason phrase and, since PVE 8.3, as ``message`` in the body; a
clone, start, stop or delete answers a UPID whose task must be followed; ``WARNINGS: n`` is a success; after a
time-out the effect is unknown, so callers look before they try again.

    ForeignError
     ├── Unreachable    transient: nothing answered, or pveproxy could not reach the node (595, 596)
     ├── Locked         transient: someone else holds the container's configuration lock
     ├── AlreadyExists  the VMID is taken
     ├── Missing        no such container
     ├── AlreadyRunning, NotRunning
     └── Denied         401, 403: the token may not
"""

from __future__ import annotations

import asyncio
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zpack.control.engine.backoff import pauses
from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from zpack.control.engine.budget import Budget
    from zpack.control.outside.http import Answer, ForeignHttp

OK = 200
GATEWAY = {502, 503, 504, 595, 596, 597}
MESSAGE_LIMIT = 300


class Unreachable(ForeignError):
    """Nothing answered."""


class Locked(ForeignError):
    """The container's configuration is locked by another task."""


class AlreadyExists(ForeignError):
    """The VMID is taken."""


class Missing(ForeignError):
    """There is no such container."""


class AlreadyRunning(ForeignError):
    """The container runs already."""


class NotRunning(ForeignError):
    """The container does not run."""


class Denied(ForeignError):
    """The API token is wrong or may not do this."""


KINDS: tuple[tuple[re.Pattern[str], type[ForeignError], bool], ...] = (
    (re.compile(r"is locked|can't lock file|got timeout|trying to acquire", re.IGNORECASE), Locked, True),
    (re.compile(r"already running", re.IGNORECASE), AlreadyRunning, False),
    (re.compile(r"not running", re.IGNORECASE), NotRunning, False),
    (re.compile(r"already exists", re.IGNORECASE), AlreadyExists, False),
    (re.compile(r"(does not exist|no such (CT|container|VM))", re.IGNORECASE), Missing, False),
)


@contextmanager
def following() -> Generator[None]:
    """Within it, a container that is not where the cluster listed it is worth another look.

    Between the look and the call it may have been migrated, or removed: only the cluster's list can say.
    """
    try:
        yield
    except Missing as failure:
        message = f"the container moved or went meanwhile: {failure.message}"
        raise ForeignError(message, transient=True) from failure


@dataclass(frozen=True)
class Guest:
    """A container as the cluster lists it. ``node`` is where it really is."""

    vmid: int
    node: str
    status: str
    name: str
    template: bool


class Proxmox:
    """A client of one cluster. ``token`` is ``USER@REALM!ID=SECRET``."""

    def __init__(self, *, base_url: str, token: str, node: str, http: ForeignHttp) -> None:
        self._base = base_url.rstrip("/") + "/api2/json"
        self._headers = {"Authorization": f"PVEAPIToken={token.removeprefix('PVEAPIToken=')}"}
        self.default_node = node
        self._http = http

    async def guests(self, budget: Budget) -> dict[int, Guest]:
        """Return every container of the cluster by VMID."""
        rows = await self._call("GET", "/cluster/resources", budget, params={"type": "vm"})
        found: dict[int, Guest] = {}
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and row.get("type") == "lxc" and isinstance(row.get("vmid"), int):
                found[row["vmid"]] = Guest(
                    vmid=row["vmid"],
                    node=str(row.get("node", self.default_node)),
                    status=str(row.get("status", "unknown")),
                    name=str(row.get("name", "")),
                    template=bool(row.get("template")),
                )
        return found

    async def nodes(self, budget: Budget) -> dict[str, bool]:
        """Return every node of the cluster, and whether it is online."""
        rows = await self._call("GET", "/nodes", budget)
        return {
            str(row["node"]): row.get("status") == "online"
            for row in rows or []
            if isinstance(row, dict) and "node" in row
        }

    async def read(self, path: str, budget: Budget) -> Any:
        """Return what a path of the API answers to GET."""
        return await self._call("GET", path, budget)

    async def taken_vmids(self, budget: Budget) -> set[int]:
        """Return every VMID in use on the cluster, virtual machines included."""
        rows = await self._call("GET", "/cluster/resources", budget, params={"type": "vm"})
        return {r["vmid"] for r in rows or [] if isinstance(r, dict) and isinstance(r.get("vmid"), int)}

    async def locate(self, vmid: int, budget: Budget) -> Guest | None:
        """Return where a container is, or None when the cluster has none of that VMID (row S55)."""
        return (await self.guests(budget)).get(vmid)

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
    ) -> None:
        """Full-clone a template and wait for the task. Raises AlreadyExists, Locked, Missing, …."""
        form = {"newid": str(newid), "hostname": hostname, "description": description, "full": "1"}
        if storage:
            form["storage"] = storage
        if pool:
            form["pool"] = pool
        await self._task("POST", f"/nodes/{node}/lxc/{template}/clone", budget, form=form)

    async def configure(self, *, vmid: int, node: str, settings: Mapping[str, str], budget: Budget) -> None:
        """Change a container's configuration."""
        await self._call("PUT", f"/nodes/{node}/lxc/{vmid}/config", budget, form=settings)

    async def config(self, *, vmid: int, node: str, budget: Budget) -> dict[str, Any]:
        """Return a container's configuration."""
        found = await self._call("GET", f"/nodes/{node}/lxc/{vmid}/config", budget)
        return found if isinstance(found, dict) else {}

    async def start(self, *, vmid: int, node: str, budget: Budget) -> None:
        """Start a container; one that runs already is fine."""
        try:
            await self._task("POST", f"/nodes/{node}/lxc/{vmid}/status/start", budget)
        except AlreadyRunning:
            return

    async def shutdown(self, *, vmid: int, node: str, seconds: int, budget: Budget) -> None:
        """Ask a container to end within ``seconds``; one that does not run is fine."""
        form = {"timeout": str(seconds)}
        try:
            await self._task("POST", f"/nodes/{node}/lxc/{vmid}/status/shutdown", budget, form=form)
        except NotRunning:
            return

    async def stop(self, *, vmid: int, node: str, budget: Budget) -> None:
        """Stop a container at once; one that does not run is fine."""
        try:
            await self._task("POST", f"/nodes/{node}/lxc/{vmid}/status/stop", budget)
        except NotRunning:
            return

    async def delete(self, *, vmid: int, node: str, budget: Budget) -> None:
        """Delete a stopped container. Raises Missing: it is gone, or on another node."""
        await self._task("DELETE", f"/nodes/{node}/lxc/{vmid}", budget)

    async def current(self, *, vmid: int, node: str, budget: Budget) -> dict[str, Any]:
        """Return ``status/current``. Raises Missing."""
        found = await self._call("GET", f"/nodes/{node}/lxc/{vmid}/status/current", budget)
        return found if isinstance(found, dict) else {}

    async def address(self, *, vmid: int, node: str, budget: Budget) -> str | None:
        """Return the container's first IPv4 address that is not ``lo``'s, or None while it has none."""
        rows = await self._call("GET", f"/nodes/{node}/lxc/{vmid}/interfaces", budget)
        return first_address(rows)

    async def version(self, budget: Budget) -> dict[str, Any]:
        """Return the server's version; proves that the token works."""
        found = await self._call("GET", "/version", budget)
        return found if isinstance(found, dict) else {}

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def _task(
        self, method: str, path: str, budget: Budget, *, form: Mapping[str, str] | None = None
    ) -> None:
        upid = await self._call(method, path, budget, form=form)
        if isinstance(upid, str) and upid.startswith("UPID:"):
            await self._follow(upid, budget)

    async def _follow(self, upid: str, budget: Budget) -> None:
        """Wait for a task's end. Raises what its exit status means."""
        node = upid.split(":")[1]
        path = f"/nodes/{node}/tasks/{quote(upid, safe='')}/status"
        for pause in pauses(first=0.05, factor=1.5, cap=1.0):
            found = await self._call("GET", path, budget)
            if isinstance(found, dict) and found.get("status") == "stopped":
                end = str(found.get("exitstatus", ""))
                if end.startswith(("OK", "WARNINGS")):
                    return
                raise error_for(OK, end)
            if pause > budget.left:
                raise ForeignError("a Proxmox task did not end in time", transient=True, timed_out=True)
            await asyncio.sleep(pause)

    async def _call(
        self,
        method: str,
        path: str,
        budget: Budget,
        *,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        try:
            answer = await self._http.request(
                method,
                self._base + path,
                budget=budget,
                headers=self._headers,
                form=form,
                params=params,
                limit=16 << 20,
            )
        except ForeignError as failure:
            if failure.timed_out:
                raise
            raise Unreachable(failure.message, transient=failure.transient) from failure
        if answer.status >= 300:  # noqa: PLR2004 - the contract's line between success and error
            raise error_for(answer.status, message_of(answer))
        body = answer.json
        return body.get("data") if isinstance(body, dict) else None


def message_of(answer: Answer) -> str:
    """Return what Proxmox says: ``message``, else the reason phrase; with the named parameter errors."""
    body = answer.json
    said = answer.reason
    if isinstance(body, dict):
        if isinstance(body.get("message"), str) and body["message"].strip():
            said = body["message"]
        if isinstance(body.get("errors"), dict):
            said = f"{said.strip()} {body['errors']}"
    return said.strip()[:MESSAGE_LIMIT]


def error_for(status: int, message: str) -> ForeignError:
    """Return the error for an HTTP status, or for a failed task's exit status."""
    text = message[:MESSAGE_LIMIT]
    if status in {401, 403}:
        return Denied(f"Proxmox refused: {text}", transient=False, status=status)
    if status in GATEWAY:
        return Unreachable(f"the Proxmox node cannot be reached: {text}", transient=True, status=status)
    for pattern, kind, transient in KINDS:
        if pattern.search(text):
            return kind(f"Proxmox: {text}", transient=transient, status=status)
    return ForeignError(f"Proxmox: {text}", transient=False, status=status)


def first_address(rows: Any) -> str | None:
    """Return the first usable IPv4 address of ``GET …/interfaces``, in the 8.1 or the 9.x shape."""
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or row.get("name") == "lo":
            continue
        if isinstance(row.get("inet"), str) and row["inet"]:
            return row["inet"].partition("/")[0]
        for entry in row.get("ip-addresses") or []:
            if isinstance(entry, dict) and entry.get("ip-address-type") in {"inet", "ipv4"}:
                return str(entry.get("ip-address", "")).partition("/")[0] or None
    return None
