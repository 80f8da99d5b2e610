"""Dev containers through the API: the real create workflow, scripted counterparts (contract §5.1, §5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.control.provisioning.counterparts import Counterparts
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.worker import Worker

WANTED: dict[str, Any] = {"container_type": "dev", "runtime": "node", "version": "24", "memoryMiB": 1024}


@pytest.fixture
async def made(world: World, worker: Worker, ann: Caller) -> dict[str, Any]:
    """A dev container of Ann's."""
    del world, worker
    reply = await ann.post("/api/instances?wait=60", WANTED)
    assert reply.status == 200, reply
    return reply.body


async def test_a_dev_container_has_its_own_ids_names_and_bridge(world: World, made: dict[str, Any]) -> None:
    assert (made["vmid"], made["hostname"]) == (6000, "dev-6000")
    assert "bridge=vmbr2" in world.cluster.ct(6000).config["net0"]
    row = await world.row(6000)
    assert (row.ctype, row.engine_type, row.engine_version, row.allocated_ports) == ("dev", "node", "24", {})


async def test_its_agent_is_told_what_was_asked_for(world: World, made: dict[str, Any]) -> None:
    told = dict(world.scripts.configured[made["vmid"]])
    assert len(told.pop("agent_token")) > 30
    assert told == {
        "vmid": 6000, "container_type": "dev", "runtime": "node", "version": "24", "memory_mb": 1024,
    }  # fmt: skip


async def test_it_is_not_for_the_edge_and_reached_when_it_is_ready(
    world: World, ann: Caller, made: dict[str, Any]
) -> None:
    async def seen() -> dict[str, Any] | None:
        view = (await ann.get(f"/api/servers/{made['vmid']}/status")).body
        return view if view["hostStatus"] == "running" and view["agentReady"] else None

    view = await eventually(seen, timeout=20)
    assert world.edge.servers == {}
    assert (view["category"], view["runtime"], view["status"]) == ("DEV", "node", "running")
    assert (view["connection"]["state"], view["connection"]["reason"]) == (
        "connectable",
        "The container is ready.",
    )


@pytest.mark.parametrize("asked", [{"enable_code_server": True}, {"enableCodeServer": True},
                                   {"addons": ["codeserver", "codeserver"]}])  # fmt: skip
async def test_the_ide_comes_with_it_in_every_spelling(
    world: World, worker: Worker, ann: Caller, others: Counterparts, asked: dict[str, Any]
) -> None:
    assert worker.alive
    others.store.has_ide = True
    reply = await ann.post("/api/instances?wait=60", WANTED | asked)
    assert reply.status == 200, reply
    assert world.scripts.configured[6000]["enable_code_server"] is True


async def test_an_ide_that_is_not_there_yet_is_said_before_anything_is_made(
    world: World, others: Counterparts, ann: Caller
) -> None:
    assert others.store.has_ide is False
    reply = await ann.post("/api/instances", WANTED | {"enable_code_server": True})
    assert (reply.status, reply.body["error"]) == (503, "ide_not_prepared")
    assert (await world.left())["reserved"] == []


async def test_an_ide_that_does_not_come_up_undoes_the_create(
    world: World, worker: Worker, others: Counterparts, ann: Caller
) -> None:
    assert worker.alive
    others.store.has_ide, world.scripts.default = True, "error"
    reply = await ann.post("/api/instances?wait=60", WANTED | {"enable_code_server": True})
    assert (reply.status, reply.body["error"]) == (502, "operation_failed")
    left = await world.left()
    assert (left["containers"], left["rows"], left["reserved"]) == ([], [], [])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"runtime": None}, "missing_field"),
        ({"version": None}, "missing_field"),
        ({"runtime": "cobol"}, "not_in_catalog"),
        ({"version": "9"}, "not_in_catalog"),
        ({"runtime": "../node"}, "invalid_request"),
        ({"enable_code_server": "perhaps"}, "invalid_request"),
        ({"addons": ["vim"]}, "invalid_request"),
        ({"addons": "codeserver"}, "invalid_request"),
        ({"addons": ["codeserver"] * 9}, "invalid_request"),
    ],
)
async def test_bad_dev_creates(others: object, ann: Caller, change: dict[str, Any], code: str) -> None:
    del others
    reply = await ann.post("/api/instances", WANTED | change)
    assert (reply.status, reply.body["error"]) == (400, code)


async def test_a_dev_container_is_stopped_and_deleted_like_any(
    world: World, ann: Caller, made: dict[str, Any]
) -> None:
    vmid = made["vmid"]
    assert (await ann.post(f"/api/servers/{vmid}/host/stop", {})).status == 202

    async def deleted() -> bool:
        return (await ann.call("DELETE", f"/api/containers/{vmid}")).status == 200

    await eventually(deleted, timeout=30)
    left = await world.left()
    assert (left["containers"], left["rows"]) == ([], [])
