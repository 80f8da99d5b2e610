"""Placement on a cluster of three nodes, PyPI's ``fakepve``, with the product's own steps."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.provisioning.counterparts import TEMPLATE, Counterparts
from tests.control.provisioning.world import NOTHING, World, request_for, run, unwind
from zpack.control.engine.errors import ForeignError
from zpack.control.provisioning.placing import NoCapacity

if TYPE_CHECKING:
    from zpack.control.engine.steps import State

NODES = ("pve1", "pve2", "pve3")


@pytest.fixture
def extra(others: Counterparts) -> dict[str, Any]:
    """A cluster of three nodes, its template on shared storage."""
    cluster = others.cluster
    cluster.nodes.clear()
    for name in NODES:
        cluster.add_node(name)
    cluster.add_ceph_storage("shared")
    template = cluster.ct(TEMPLATE)
    template.node, template.config["rootfs"] = "pve1", "shared:base-820-disk-0,size=1G"
    return {**others.settings, "proxmox_node": ""}


@pytest.fixture
def state() -> State:
    return request_for(5000, "op_1")


def spread(world: World) -> Counter[str]:
    return Counter(ct.node for ct in world.cluster.cts if not ct.template)


async def test_a_whole_life_on_a_cluster(world: World, state: State) -> None:
    world.cluster.nodes["pve1"]["online"] = True
    await run(world.create, state, repeat=True)
    assert world.cluster.ct(5000).status == "running"
    await run(world.delete, {**state, "operation_id": "op_2"}, repeat=True)
    assert await world.left() == NOTHING


async def test_creates_at_once_spread_over_the_nodes(world: World) -> None:
    states = [request_for(5000 + n, f"op_{n}") for n in range(9)]
    for wanted in states:
        wanted["request"]["memory"] = 512
    await asyncio.gather(*(run(world.create[:2], each) for each in states))
    assert spread(world) == {"pve1": 3, "pve2": 3, "pve3": 3}
    for each in states:
        await unwind(world.create[:2], each)
    assert await world.left() == NOTHING


async def test_a_repeated_step_keeps_its_node(world: World, state: State) -> None:
    first = await world.create[0].do(state)
    world.cluster.add_ct(5999, node=(first or {})["node"], config={"memory": 4096})
    assert await world.create[0].do(state) == first


async def test_a_node_that_goes_down_before_the_clone_is_replaced(world: World, state: State) -> None:
    state |= await world.create[0].do(state) or {}
    assert state["node"] == "pve1"
    world.cluster.ct(TEMPLATE).node = "pve3"
    world.cluster.set_node_offline("pve1")
    await run(world.create[1:], state)
    assert world.cluster.ct(5000).node in {"pve2", "pve3"}
    assert state["node"] == world.cluster.ct(5000).node


async def test_when_nothing_can_take_a_clone_it_is_tried_again(world: World, state: State) -> None:
    for name in NODES:
        world.cluster.set_node_offline(name)
    with pytest.raises(ForeignError) as failed:
        await run(world.create[:1], state)
    assert failed.value.transient


async def test_a_container_that_fits_nowhere_is_refused(world: World, state: State) -> None:
    state["request"]["memory"] = 16384
    with pytest.raises(NoCapacity):
        await run(world.create[:1], state)
    await unwind(world.create[:1], state)
    assert await world.left() == NOTHING


class TestFixedNode:
    """``PROXMOX_NODE`` alone takes every container, wherever the template is by now."""

    @pytest.fixture
    def extra(self, extra: dict[str, Any]) -> dict[str, Any]:
        return {**extra, "proxmox_node": "pve2"}

    @pytest.mark.parametrize("at", NODES)
    async def test_a_template_that_moved_is_found(self, world: World, state: State, at: str) -> None:
        world.cluster.ct(TEMPLATE).node = at
        await run(world.create[:2], state)
        assert spread(world) == {"pve2": 1}


class TestLocalStorage:
    """Without shared storage a clone stays where its template is."""

    @pytest.fixture
    def extra(self, others: Counterparts, extra: dict[str, Any]) -> dict[str, Any]:
        others.cluster.ct(TEMPLATE).config["rootfs"] = "local-lvm:base-820-disk-0,size=1G"
        others.cluster.ct(TEMPLATE).node = "pve2"
        return extra

    async def test_the_template_s_node_takes_all(self, world: World) -> None:
        for n in range(3):
            await run(world.create[:2], request_for(5000 + n, f"op_{n}"))
        assert spread(world) == {"pve2": 3}


class TestTemplatePerNode:
    """Nodes with a template of their own clone that one; nodes that are not named take none."""

    @pytest.fixture
    def extra(self, others: Counterparts, extra: dict[str, Any]) -> dict[str, Any]:
        others.cluster.ct(TEMPLATE).config["rootfs"] = "local-lvm:base-820-disk-0,size=1G"
        rootfs = {"rootfs": "local-lvm:base-821-disk-0,size=1G"}
        others.cluster.add_ct(821, "zlh-base", node="pve2", template=True, config=rootfs)
        return {**extra, "proxmox_nodes": "pve1, pve2", "proxmox_templates": "pve2=821"}

    async def test_each_clones_its_own(self, world: World) -> None:
        states = [request_for(5000 + n, f"op_{n}") for n in range(4)]
        await asyncio.gather(*(run(world.create[:2], each) for each in states))
        assert spread(world) == {"pve1": 2, "pve2": 2}
        assert "lxc/821/clone" in str(world.cluster.requests)
