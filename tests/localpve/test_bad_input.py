"""Whatever a client sends, the node answers in Proxmox's words and goes on."""

from __future__ import annotations

import asyncio
import io
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from tests.localpve.conftest import TEMPLATE, TOKEN, settled
from zpack.localpve import schema
from zpack.localpve.access import Access
from zpack.localpve.app import Doorkeeper, routes

if TYPE_CHECKING:
    from zpack.localpve.node import Node

HEADERS = {"Authorization": f"PVEAPIToken={TOKEN}"}
WORDED = re.compile(
    "CT is locked|CT [0-9]+ (already|not) running|does not exist$|already exists on node|is not a template"
    "|do that to a template|no options specified|no such cluster node|not allowed for linked clones"
    "|failed to get address info|shrink disk size|already at specified size|no such volume"
    "|detected modified configuration|unable to delete|would have the address|container is running"
)
PATHS = [
    ("POST", f"/nodes/pve1/lxc/{TEMPLATE}/clone"),
    ("PUT", "/nodes/pve1/lxc/5000/config"),
    ("PUT", "/nodes/pve1/lxc/5000/resize"),
    *(("POST", f"/nodes/pve1/lxc/5000/status/{verb}") for verb in ("start", "stop", "shutdown", "reboot")),
    ("DELETE", "/nodes/pve1/lxc/5000"),
    ("GET", "/cluster/resources"),
    ("GET", "/cluster/nextid"),
    ("GET", "/nodes/pve1/tasks"),
]
names = st.sampled_from([
    *schema.CLONE, *schema.CONFIG, *schema.RESIZE, *schema.TASKS, *schema.SHUTDOWN, *schema.DELETE, "nonsense",
])  # fmt: skip
known = st.sampled_from(
    ["5001", "1", "x.y", "on", "rootfs", "+1G", "name=eth0,ip=dhcp", "local:8,mp=/a", "memory"]
)
values = st.one_of(st.text(max_size=20), st.integers().map(str), known)
anything = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=3)
lenient = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def answered(reply: aiohttp.ClientResponse) -> None:
    """Check that an answer is one that Proxmox could have given."""
    assert reply.status in {200, 400, 500, 501, 506}
    assert reply.headers["Server"] == "pve-api-daemon/3.0"
    if reply.status == 500:
        assert WORDED.search((await reply.json())["message"].strip()), await reply.text()
    if reply.status == 400:
        assert (await reply.json())["data"] is None


@pytest.fixture
async def stocked(node: Node, server: str) -> str:
    node.clone(TEMPLATE, {"newid": "5000"})
    await settled(node)
    return f"{server}/api2/json"


@lenient
@given(form=st.dictionaries(names, values, max_size=5), path=st.sampled_from(PATHS))
async def test_parameters(node: Node, stocked: str, form: dict[str, str], path: tuple[str, str]) -> None:
    method, place = path
    form = {key: text.encode("utf-8", "replace").decode() for key, text in form.items()}
    where = {"data": form} if method in {"POST", "PUT"} else {"params": form}
    async with (
        aiohttp.ClientSession(headers=HEADERS) as session,
        session.request(method, stocked + place, **where) as reply,
    ):
        await answered(reply)
    await asyncio.wait_for(node.tasks.close(5), 10)


@lenient
@given(body=st.dictionaries(names, anything, max_size=4) | anything, path=st.sampled_from(PATHS[:7]))
async def test_json(node: Node, stocked: str, body: Any, path: tuple[str, str]) -> None:
    method, place = path
    raw = json.dumps(body).encode()
    headers = {**HEADERS, "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, stocked + place, data=raw) as reply,
    ):
        await answered(reply)
    await asyncio.wait_for(node.tasks.close(5), 10)


@lenient
@given(raw=st.binary(max_size=40), kind=st.sampled_from(["", "application/json", "a/b", ";", "text/plain"]))
async def test_bytes(stocked: str, raw: bytes, kind: str) -> None:
    headers = {**HEADERS, "Content-Type": kind} if kind else HEADERS
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.put(f"{stocked}/nodes/pve1/lxc/5000/config", data=raw) as reply,
    ):
        await answered(reply)


@lenient
@given(
    words=st.lists(st.text(min_size=1, max_size=8) | st.sampled_from(["nodes", "lxc", "5000"]), max_size=5)
)
async def test_paths(stocked: str, words: list[str]) -> None:
    url = URL(f"{stocked}/{'/'.join(quote(word, safe='', errors='replace') for word in words)}", encoded=True)
    async with aiohttp.ClientSession(headers=HEADERS) as session, session.get(url) as reply:
        await answered(reply)


@pytest.mark.parametrize(
    "vmid", ["0", "99", "1000000000", "-5", "5000x", "\uff15\uff10\uff10\uff10", "%20", "1e3"]
)
async def test_what_is_no_vmid(stocked: str, vmid: str) -> None:
    async with (
        aiohttp.ClientSession(headers=HEADERS) as session,
        session.get(f"{stocked}/nodes/pve1/lxc/{vmid}/status/current") as reply,
    ):
        assert reply.status == 400
        assert "does not look like a valid VM ID" in (await reply.json())["errors"]["vmid"]


@pytest.mark.parametrize(
    ("kind", "raw", "status"),
    [
        ("application/x-www-form-urlencoded", b"memory=\xff", 400),
        ("application/x-www-form-urlencoded; charset=nope", b"memory=lots", 400),
        ("application/x-www-form-urlencoded", b"a=b&" * 5000, 400),
        ("application/json", b"[" * 100_000, 400),
        ("application/json", b" " * (2 << 20), 501),
    ],
)
async def test_bad_bodies_are_answered(server: str, kind: str, raw: bytes, status: int) -> None:
    headers = {**HEADERS, "Content-Type": kind}
    url = f"{server}/api2/json/nodes/pve1/lxc/5000/config"
    async with (
        aiohttp.ClientSession() as session,
        session.put(url, data=io.BytesIO(raw), headers=headers) as reply,
    ):
        assert (reply.status, reply.headers["Server"]) == (status, "pve-api-daemon/3.0")


def test_every_route_that_changes_something_is_tried(node: Node) -> None:
    changing = {(route.method, route.pattern) for route in routes(node) if route.method != "GET"}
    tried = {(method, pattern) for method, pattern in changing
             for verb, path in PATHS if verb == method and pattern.fullmatch(path)}  # fmt: skip
    assert tried == changing


@pytest.mark.parametrize("token", ["", "root@pam!zpack", "root@pam=secret", "x!y=z", "a@b!c=", "a@b!c=d e"])
def test_a_token_must_look_like_one(token: str) -> None:
    with pytest.raises(ValueError, match="USER@REALM!TOKENID=SECRET"):
        Access(token)


async def test_a_guesser_waits(node: Node) -> None:
    served = TestServer(Doorkeeper(node=node, access=Access(TOKEN), denied_seconds=0.3).app())
    await served.start_server()
    began = asyncio.get_running_loop().time()
    async with (
        aiohttp.ClientSession() as session,
        session.get(served.make_url("/api2/json/version")) as reply,
    ):
        assert reply.status == 401
    assert asyncio.get_running_loop().time() - began >= 0.3
    await served.close()
