"""Faults on purpose, seen by a client not written by us: locks, lost answers, guests that move."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from proxmoxer.core import ResourceException

from tests.localpve.conftest import NET, SECRET, TEMPLATE, TOKEN, proxmoxer, settled
from zpack.localpve.access import Access
from zpack.localpve.app import Doorkeeper
from zpack.localpve.backends.sim import SimBackend
from zpack.localpve.backends.sim_script import Script
from zpack.localpve.faults import Faults, Mischief, node_names
from zpack.localpve.node import Node
from zpack.localpve.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
async def node(home: Path) -> AsyncIterator[Node]:
    tasks = Tasks(node="pve1", user=Access(TOKEN).user)
    made = Node(
        name="pve1", names=node_names("pve1", 3), home=home, backend=SimBackend(script={}), tasks=tasks,
        subnet=f"{NET}.0.0/16",
    )  # fmt: skip
    made.clone(TEMPLATE, {"newid": "5100", "hostname": "one"})
    await settled(made)
    yield made
    await made.close()


@pytest.fixture
async def server(node: Node, faults: Faults) -> AsyncIterator[str]:
    door = Doorkeeper(node=node, access=Access(TOKEN), denied_seconds=0, mischief=Mischief(faults))
    served = TestServer(door.app())
    await served.start_server()
    yield str(served.make_url("/")).rstrip("/")
    await served.close()


async def started(server: str, node: str = "pve1") -> Any:
    return await asyncio.to_thread(proxmoxer(server).nodes(node).lxc(5100).status.start.post)


async def running(server: str, node: str = "pve1") -> bool:
    current = await asyncio.to_thread(proxmoxer(server).nodes(node).lxc(5100).status.current.get)
    return current["status"] == "running"


@pytest.mark.parametrize("faults", [Faults(locked=1.0)])
async def test_a_locked_container_is_only_locked_for_changes(server: str) -> None:
    with pytest.raises(ResourceException, match=r"CT is locked \(backup\)"):
        await started(server)
    assert not await running(server)


@pytest.mark.parametrize("faults", [Faults(lost=1.0)])
async def test_a_lost_answer_is_of_something_that_was_done(server: str, node: Node) -> None:
    url = f"{server}/api2/json/nodes/pve1/lxc/5100/status/start"
    headers = {"Authorization": f"PVEAPIToken=root@pam!zpack={SECRET}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.post(url)
    await settled(node)
    assert await running(server)


async def test_a_guest_that_moved_is_found_where_it_is(server: str, node: Node) -> None:
    await node.migrate(5100, "pve13", 0)
    found = await asyncio.to_thread(proxmoxer(server).cluster.resources.get, type="vm")
    assert {row["vmid"]: row["node"] for row in found}[5100] == "pve13"
    with pytest.raises(ResourceException, match=r"5100\.conf' does not exist"):
        await started(server)
    await started(server, "pve13")
    await settled(node)
    assert await running(server, "pve13")


async def test_a_guest_is_locked_while_it_moves(server: str, node: Node) -> None:
    moving = asyncio.create_task(node.migrate(5100, "pve12", 0.5))
    await asyncio.sleep(0)
    with pytest.raises(ResourceException, match="migrate"):
        await started(server)
    await moving


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"locked": 2}, "locked"),
        ({"lost": -1}, "lost"),
        ({"lost": True}, "lost"),
        ({"nodes": 0}, "nodes"),
        ({"nodes": 99}, "nodes"),
        ({"move_every": "x"}, "move_every"),
        ({"explode": 1}, "explode"),
    ],
)
def test_a_fault_that_is_none_is_named(body: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Faults.parse(body)


def test_a_mix_takes_its_shares_and_always_the_same_servers() -> None:
    script = Script.parse({"mix": [{"share": 0.1, "behaviour": "dead"}, {"share": 0.3, "behaviour": "slow"}]})
    kinds = [script.behaviour({}, f"10.0.{n >> 8}.{n & 255}").kind for n in range(4000)]
    assert kinds == [script.behaviour({}, f"10.0.{n >> 8}.{n & 255}").kind for n in range(4000)]
    assert kinds.count("dead") == pytest.approx(400, rel=0.2)
    assert kinds.count("slow") == pytest.approx(1200, rel=0.2)


def test_a_rule_comes_before_the_mix() -> None:
    script = Script.parse(
        {
            "rules": [{"match": {"world": "x"}, "behaviour": "error"}],
            "mix": [{"share": 1, "behaviour": "dead"}],
        }
    )
    assert (script.behaviour({"world": "x"}, "10.0.0.1").kind, script.behaviour({}, "10.0.0.1").kind) == (
        "error",
        "dead",
    )
