"""Everything on the cluster beside everything we know of, whichever of the two is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.fleet.listing import container_view
from zpack.control.instances.store import insert_instance
from zpack.control.outside.proxmox_facts import read_resources

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller

FLEET = "/api/admin/fleet"


async def row(world: World, vmid: int, owner: str) -> None:
    async with world.clients.database.transaction() as session:
        await insert_instance(
            session, vmid=vmid, customer_id=owner, ctype="game", hostname=f"mc-{vmid}", ip=None,
            allocated_ports={}, agent_state="idle", payload={},
        )  # fmt: skip


async def seen(root: Caller) -> dict[int, dict[str, Any]]:
    reply = await root.get(FLEET)
    assert reply.status == 200, reply
    return {one["vmid"]: one for one in reply.body["containers"]}


async def test_what_both_sides_know_is_one(world: World, root: Caller, ann: Caller) -> None:
    owner = (await ann.get("/api/auth/me")).body["user"]["id"]
    await row(world, 5000, owner)
    world.cluster.add_ct(5000, "mc-5000", node="local", status="running")
    await world.words.put(5000, {"state": "running"})
    one = (await seen(root))[5000]
    assert (one["node"], one["status"], one["hostname"], one["ours"]) == ("local", "running", "mc-5000", True)
    assert one["state"] == "running"
    assert (one["serverId"], one["ownerId"], one["ownerName"], one["type"]) == ("5000", owner, "ann", "game")


async def test_strangers_and_templates_are_there_too(world: World, root: Caller) -> None:
    world.cluster.add_ct(100, "a-dns-server", node="local", status="running")
    found = await seen(root)
    assert (found[820]["template"], found[820]["ours"]) == (True, False)
    assert (found[100]["name"], found[100]["type"], found[100]["ours"]) == ("a-dns-server", "other", False)
    assert found[100]["ownerId"] is None


async def test_a_row_without_a_container_is_missing(world: World, root: Caller) -> None:
    await row(world, 5000, "usr_gone")
    one = (await seen(root))[5000]
    assert (one["status"], one["node"], one["ownerName"]) == ("missing", None, None)


async def test_nodes_say_what_they_have(world: World, root: Caller) -> None:
    node = (await root.get(FLEET)).body["nodes"][0]
    assert (node["name"], node["status"]) == ("local", "online")
    assert node["maxMemory"] >= node["memory"] >= 0


async def test_a_cluster_that_is_away_is_said_and_hides_nothing(world: World, root: Caller) -> None:
    await row(world, 5000, "usr_gone")

    async def away(request: Any, answer: Any) -> Any:
        raise ConnectionResetError

    world.cluster.trouble = away
    body = (await root.get(FLEET)).body
    assert [one["system"] for one in body["errors"]] == ["proxmox"]
    assert [(one["vmid"], one["status"]) for one in body["containers"]] == [(5000, "unknown")]


def test_figures_that_are_none_are_nothing() -> None:
    rows = [
        {"type": "lxc", "vmid": 1, "node": "a", "mem": "x", "cpu": None, "uptime": -1, "maxmem": float("inf")}
    ]
    one = container_view(1, read_resources(rows).guests[1], None, missing="missing")
    assert (one["memory"], one["maxMemory"], one["cpu"], one["uptime"]) == (0, 0, 0.0, 0)
