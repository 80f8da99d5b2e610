"""A node that plays a cluster: its storage, clones to other nodes, and what a container used."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.localpve.conftest import NET, TEMPLATE, TOKEN, proxmoxer, settled
from zpack.localpve.backends.sim import SimBackend
from zpack.localpve.node import Node
from zpack.localpve.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAMES = ("pve1", "pve12", "pve13")


@pytest.fixture
async def node(home: Path) -> AsyncIterator[Node]:
    tasks = Tasks(node="pve1", user=TOKEN.partition("=")[0])
    backend = SimBackend(script={})
    made = Node(name="pve1", home=home, backend=backend, tasks=tasks, subnet=f"{NET}.0.0/16", names=NAMES)
    yield made
    await made.close()


async def rows(server: str, **filters: str) -> list[dict[str, Any]]:
    return await asyncio.to_thread(proxmoxer(server).cluster.resources.get, **filters)


async def test_every_node_sees_the_one_storage(server: str) -> None:
    found = await rows(server, type="storage")
    assert [row["node"] for row in found] == list(NAMES)
    assert {(row["storage"], row["shared"], row["status"]) for row in found} == {("local", 1, "available")}
    assert {row["type"] for row in await rows(server)} >= {"lxc", "node", "storage"}


async def test_a_clone_goes_to_its_target(node: Node, server: str) -> None:
    clone = proxmoxer(server).nodes("pve1").lxc(TEMPLATE).clone
    await asyncio.to_thread(clone.post, newid=5000, full=1, target="pve13")
    await settled(node)
    listed = {row["vmid"]: row["node"] for row in await rows(server, type="vm")}
    assert listed == {5000: "pve13", TEMPLATE: "pve1"}
    assert await asyncio.to_thread(proxmoxer(server).nodes("pve13").lxc(5000).config.get)


async def test_a_template_says_where_it_lies(server: str) -> None:
    config = await asyncio.to_thread(proxmoxer(server).nodes("pve1").lxc(TEMPLATE).config.get)
    assert config["rootfs"].startswith("local:")
