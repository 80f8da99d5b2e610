"""The REST door under ``/api2/json``: routes, parameters, headers and error bodies as pveproxy has them."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from zpack.localpve import schema
from zpack.localpve.errors import ApiError, bad_parameters, no_such_guest
from zpack.localpve.faults import Faults, Mischief
from zpack.localpve.resources import (
    VERSION,
    cluster_rows,
    guest_rows,
    node_rows,
    node_state,
    storage_rows,
)

if TYPE_CHECKING:
    from zpack.localpve.access import Access
    from zpack.localpve.node import Node
    from zpack.localpve.schema import Schema

log = logging.getLogger("zpack.localpve")
JSON = "application/json;charset=UTF-8"
FORM = "application/x-www-form-urlencoded"
BODY_LIMIT = 512 << 10
FIELDS_LIMIT = 1000
METHODS = {"GET", "POST", "PUT", "DELETE"}
PREFIX = "/api2/json"
DENIED_SECONDS = 3.0
REASON = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True)
class Call:
    """One request after its checks: path words and parameters."""

    path: dict[str, str]
    given: dict[str, str]

    @property
    def vmid(self) -> int:
        """Return the VMID of the path. Raises ApiError."""
        return schema.checked_vmid(self.path["vmid"])


Answer = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True)
class Route:
    """A method and a path pattern, its parameters, and what answers it."""

    method: str
    pattern: re.Pattern[str]
    schema: Schema
    answer: Answer


def route(method: str, path: str, parameters: Schema, answer: Answer) -> Route:
    """Return a route; ``{word}`` in the path matches one segment."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Route(method, re.compile(pattern), parameters, answer)


class Doorkeeper:
    """Answers ``/api2/json`` for one node. Who is not let in waits ``denied_seconds``, as in Proxmox."""

    def __init__(
        self,
        *,
        node: Node,
        access: Access,
        denied_seconds: float = DENIED_SECONDS,
        mischief: Mischief | None = None,
    ) -> None:
        self._mischief = mischief or Mischief(Faults())
        self._node = node
        self._access = access
        self._denied_seconds = denied_seconds
        self._routes = routes(node)

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", r"/{path:[\s\S]*}", self.handle)
        app.on_response_prepare.append(_bare)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        try:
            data = await self._answer(request)
        except ApiError as failure:
            return _error(failure)
        except web.HTTPException:
            raise
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return _error(ApiError(500, "unexpected error"))
        if self._mischief.loses(request.method, request.path) and request.transport is not None:
            request.transport.abort()
        return _response(200, "OK", json.dumps({"data": data}))

    async def _answer(self, request: web.Request) -> Any:
        if request.method not in METHODS:
            raise ApiError(501, f"method '{request.method}' not available", body="none")
        if "Transfer-Encoding" in request.headers:
            raise ApiError(501, "chunked transfer encoding not supported", body="text")
        if f"{request.path}/".partition(f"{PREFIX}/")[:2] != ("", f"{PREFIX}/"):
            raise ApiError(501, "no such uri", body="text")
        rest = request.path.removeprefix(PREFIX)
        await self._let_in(request)
        given = await _parameters(request)
        path = rest.rstrip("/") or "/"
        for entry in self._routes:
            match = entry.pattern.fullmatch(path)
            if match and entry.method == request.method:
                words = match.groupdict()
                self._check_node(words)
                self._mischief.before(request.method, path)
                return await entry.answer(Call(words, schema.check(given, entry.schema)))
        raise ApiError(501, f"Method '{request.method} {path}' not implemented")

    async def _let_in(self, request: web.Request) -> None:
        try:
            self._access.check(request.headers.get("Authorization"))
        except ApiError:
            await asyncio.sleep(self._denied_seconds)  # a guesser's time; other requests do not wait
            raise

    def _check_node(self, words: dict[str, str]) -> None:
        """Check the node of a path, and that the container is there. Raises ApiError."""
        name = self._node.name if words.get("node") == "localhost" else words.get("node")
        if name is not None and name not in self._node.names:
            raise ApiError(500, f"hostname lookup '{name}' failed - failed to get address info for: {name}")
        if "vmid" in words:
            vmid = schema.checked_vmid(words["vmid"])
            if name != self._node.node_of(vmid):
                raise no_such_guest(str(name), vmid)


def routes(node: Node) -> list[Route]:  # noqa: C901 - a table of small closures
    """Return the table of what is answered."""
    guest = "/nodes/{node}/lxc/{vmid}"
    task = "/nodes/{node}/tasks/{upid}"

    async def version(_: Call) -> Any:
        return VERSION

    async def cluster_status(_: Call) -> Any:
        return cluster_rows(node)

    async def cluster_resources(call: Call) -> Any:
        kind = call.given.get("type")
        rows = await guest_rows(node) if kind in {None, "vm"} else []
        rows += node_rows(node) if kind in {None, "node"} else []
        return rows + (storage_rows(node) if kind in {None, "storage"} else [])

    async def next_id(call: Call) -> Any:
        wanted = call.given.get("vmid")
        return str(node.next_id(int(wanted) if wanted else None))

    async def nodes(_: Call) -> Any:
        return node_rows(node)

    async def node_status(_: Call) -> Any:
        return node_state()

    async def guests(call: Call) -> Any:
        name = node.name if call.path["node"] == "localhost" else call.path["node"]
        return [await node.current(vmid) for vmid in node.vmids() if node.node_of(vmid) == name]

    async def tasks(call: Call) -> Any:
        return _task_rows(node, call.given)

    async def task_status(call: Call) -> Any:
        return node.tasks.get(call.path["upid"]).status()

    async def task_log(call: Call) -> Any:
        start, limit = int(call.given.get("start", "0")), int(call.given.get("limit", "50"))
        return node.tasks.get(call.path["upid"]).log(start, limit)

    return [
        route("GET", "/version", schema.NONE, version),
        route("GET", "/cluster/status", schema.NONE, cluster_status),
        route("GET", "/cluster/resources", schema.RESOURCES, cluster_resources),
        route("GET", "/cluster/nextid", schema.NEXTID, next_id),
        route("GET", "/nodes", schema.NONE, nodes),
        route("GET", "/nodes/{node}/status", schema.NONE, node_status),
        route("GET", "/nodes/{node}/lxc", schema.NONE, guests),
        route("GET", "/nodes/{node}/tasks", schema.TASKS, tasks),
        route("GET", f"{task}/status", schema.NONE, task_status),
        route("GET", f"{task}/log", schema.LOG, task_log),
        *guest_routes(node, guest),
    ]


def guest_routes(node: Node, guest: str) -> list[Route]:  # noqa: C901 - a table of small closures
    """Return the routes of one container."""

    async def config(call: Call) -> Any:
        return node.config(call.vmid)

    async def configure(call: Call) -> Any:
        node.configure(call.vmid, call.given)

    async def clone(call: Call) -> Any:
        return node.clone(call.vmid, call.given)

    async def resize(call: Call) -> Any:
        return await node.resize(call.vmid, call.given)

    async def start(call: Call) -> Any:
        return await node.start(call.vmid)

    async def stop(call: Call) -> Any:
        return await node.stop(call.vmid)

    async def shutdown(call: Call) -> Any:
        seconds = float(call.given.get("timeout", "60"))
        force = schema.is_true(call.given.get("forceStop"))
        return await node.shutdown(call.vmid, seconds=seconds, force=force)

    async def reboot(call: Call) -> Any:
        return await node.reboot(call.vmid, float(call.given.get("timeout", "60")))

    async def current(call: Call) -> Any:
        return await node.current(call.vmid)

    async def interfaces(call: Call) -> Any:
        return await node.interfaces(call.vmid)

    async def rrddata(call: Call) -> Any:
        return node.rrd.rows(call.vmid, call.given["timeframe"])

    async def delete(call: Call) -> Any:
        return await node.delete(call.vmid, call.given)

    return [
        route("POST", f"{guest}/clone", schema.CLONE, clone),
        route("GET", f"{guest}/config", schema.NONE, config),
        route("PUT", f"{guest}/config", schema.CONFIG, configure),
        route("PUT", f"{guest}/resize", schema.RESIZE, resize),
        route("POST", f"{guest}/status/start", schema.START, start),
        route("POST", f"{guest}/status/stop", schema.STOP, stop),
        route("POST", f"{guest}/status/shutdown", schema.SHUTDOWN, shutdown),
        route("POST", f"{guest}/status/reboot", schema.REBOOT, reboot),
        route("GET", f"{guest}/status/current", schema.NONE, current),
        route("GET", f"{guest}/interfaces", schema.NONE, interfaces),
        route("GET", f"{guest}/rrddata", schema.RRD, rrddata),
        route("DELETE", guest, schema.DELETE, delete),
    ]


def _task_rows(node: Node, given: dict[str, str]) -> list[dict[str, Any]]:
    since, vmid = int(given.get("since", "0")), given.get("vmid")
    start, limit = int(given.get("start", "0")), int(given.get("limit", "50"))
    rows = [t.row() for t in node.tasks.recent() if t.started >= since and vmid in {None, str(t.vmid)}]
    return rows[start : start + limit]


async def _parameters(request: web.Request) -> dict[str, str]:
    """Return query and body parameters as text; the query wins. Raises ApiError."""
    query = {key: str(value) for key, value in request.query.items()}
    length = request.content_length or 0
    if not length:
        return query
    if request.method not in {"POST", "PUT"}:
        raise ApiError(501, f"Unexpected content for method '{request.method}'", body="text")
    if length > BODY_LIMIT:
        raise ApiError(501, "for data too large", body="text")
    kind = request.headers.get("Content-Type", FORM).partition(";")[0].strip().lower()
    if kind == "application/json":
        return _object(await request.read()) | query
    if kind == FORM:
        return _fields(await request.read()) | query
    raise ApiError(506, f"upload 'Content-Type '{kind}' not implemented", body="text")


def _fields(raw: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=FIELDS_LIMIT))
    except ValueError:
        raise ApiError(400, "malformed form data") from None


def _object(raw: bytes) -> dict[str, str]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise ApiError(400, "malformed JSON string") from None
    if not isinstance(body, dict):
        raise bad_parameters({"body": "type check ('object') failed"})
    return {str(k): _text(v) for k, v in body.items() if v is not None}


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _error(failure: ApiError) -> web.Response:
    reason = REASON.sub(" ", failure.message)[:400].strip() or "error"
    if failure.body != "json":
        return _response(failure.status, reason, failure.message if failure.body == "text" else None, kind="")
    newline = "" if failure.status == 501 else "\n"  # noqa: PLR2004 - HTTP 501
    body: dict[str, Any] = {"data": None, "message": failure.message + newline}
    if failure.errors is not None:
        body["errors"] = failure.errors
    return _response(failure.status, reason, json.dumps(body))


async def _bare(request: web.Request, response: web.StreamResponse) -> None:
    """Take away what aiohttp adds to an answer of the HTTP layer, which says nothing of its content."""
    del request
    if isinstance(response, web.Response) and response.headers.get("Content-Type") != JSON:
        response.headers.pop("Content-Type", None)
        if not response.body:
            response.headers.pop("Content-Length", None)


def _response(status: int, reason: str, text: str | None, *, kind: str = JSON) -> web.Response:
    now = formatdate(usegmt=True)
    headers = {
        "Cache-Control": "max-age=0",
        "Pragma": "no-cache",
        "Server": "pve-api-daemon/3.0",
        "Date": now,
        "Expires": now,
    }
    if kind and text is not None:
        headers["Content-Type"] = kind
    body = text.encode() if text is not None else b""
    answer = web.Response(status=status, reason=reason, body=body, headers=headers)
    if status != 200:  # noqa: PLR2004 - errors end the connection, as pveproxy does
        answer.force_close()
    return answer
