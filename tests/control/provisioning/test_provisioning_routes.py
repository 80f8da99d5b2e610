"""``POST /api/instances`` and ``DELETE /api/containers/{vmid}`` through a real socket and the real worker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.provisioning.world import NOTHING
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.worker import Worker

WANTED: dict[str, Any] = {
    "game": "minecraft",
    "variant": "flying-squid",
    "version": "1.21.4",
    "memoryMiB": 1024,
}


async def ended(caller: Caller, url: str) -> dict[str, Any]:
    """Follow an operation to its end."""
    async with asyncio.timeout(60):
        while True:
            operation = (await caller.get(url)).body["operation"]
            if operation["status"] not in {"queued", "running"}:
                return operation
            await asyncio.sleep(0.1)


async def made(caller: Caller) -> int:
    """Create a server and return its VMID."""
    reply = await caller.post("/api/instances?wait=60", WANTED)
    assert reply.status == 200, reply
    return reply.body["vmid"]


@pytest.mark.seed("S8")
async def test_a_create_is_accepted_followed_and_ready(world: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    reply = await ann.post("/api/instances", WANTED)
    assert reply.status == 202
    assert set(reply.body) == {
        "ok", "operationId", "requestId", "statusUrl", "status", "phase", "vmid", "hostname",
    }  # fmt: skip
    operation = await ended(ann, reply.body["statusUrl"])
    assert (operation["status"], operation["progress"]) == ("succeeded", 1.0)
    assert (await world.left())["registered"] == [reply.body["hostname"]]


async def test_waiting_gives_the_contract_s_body(worker: Worker, ann: Caller) -> None:
    assert worker.alive
    reply = await ann.post("/api/instances?wait=60", WANTED)
    assert reply.status == 200
    body = reply.body
    assert body == {"ok": True, "vmid": 5000, "hostname": "mc-flying-squid-5000", "ip": "127.82.19.136"}


@pytest.mark.parametrize("spelling", ["ctype", "container_type", "containerType"])
async def test_every_spelling_of_the_type(others: object, ann: Caller, spelling: str) -> None:
    del others
    assert (await ann.post("/api/instances", {**WANTED, spelling: "game"})).status == 202
    assert (await ann.post("/api/instances", {**WANTED, spelling: "vm"})).status == 400


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"game": None}, "missing_field"),
        ({"variant": None}, "missing_field"),
        ({"version": None}, "missing_field"),
        ({"version": "9.9.9"}, "not_in_catalog"),
        ({"variant": "paper"}, "not_in_catalog"),
        ({"game": "chess"}, "not_in_catalog"),
        ({"ctype": "vm"}, "unsupported_container_type"),
        ({"memoryMiB": 1}, "invalid_request"),
        ({"memoryMiB": "much"}, "invalid_request"),
        ({"cpuCores": 0}, "invalid_request"),
        ({"cpuCores": 1.5}, "invalid_request"),
        ({"world": "../etc"}, "invalid_request"),
        ({"artifactPath": "a/../../etc"}, "artifact_path_required"),
        ({"artifactPath": "/etc/passwd"}, "invalid_request"),
        ({"version": "1.21.4\x00"}, "invalid_request"),
        ({"variant": ["paper"]}, "invalid_request"),
    ],
)
async def test_bad_creates(others: object, ann: Caller, change: dict[str, Any], code: str) -> None:
    del others
    reply = await ann.post("/api/instances", {**WANTED, **change})
    assert (reply.status, reply.body["error"]) == (400, code)


@pytest.mark.parametrize("body", [[], "x", None, 5])
async def test_a_create_that_is_no_object(ann: Caller, body: Any) -> None:
    reply = await ann.post("/api/instances", body)
    assert (reply.status, reply.body["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("wait", ["-1", "nan", "soon", "1e9"])
async def test_a_wait_that_is_none(ann: Caller, wait: str) -> None:
    assert (await ann.post(f"/api/instances?wait={wait}", WANTED)).status == 400


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/instances"), ("DELETE", "/api/containers/5000")])
async def test_strangers_are_turned_away(anyone: Caller, method: str, path: str) -> None:
    reply = await anyone.call(method, path, WANTED)
    assert (reply.status, reply.body["error"]) == (401, "Missing authorization token")


async def test_a_double_click_makes_one_server(world: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    headers = {"Idempotency-Key": "click-1"}
    replies = await asyncio.gather(*(ann.post("/api/instances", WANTED, headers=headers) for _ in range(5)))
    assert {reply.status for reply in replies} == {202}
    assert len({reply.body["operationId"] for reply in replies}) == 1
    await ended(ann, replies[0].body["statusUrl"])
    assert (await world.left())["containers"] == [5000]


async def test_a_key_means_one_request_of_one_person(others: object, ann: Caller, bob: Caller) -> None:
    del others
    headers = {"Idempotency-Key": "k"}
    mine = await ann.post("/api/instances", WANTED, headers=headers)
    other = await ann.post("/api/instances", {**WANTED, "version": "1.8.8"}, headers=headers)
    theirs = await bob.post("/api/instances", WANTED, headers=headers)
    assert (other.status, other.body["error"]) == (409, "idempotency_key_reused")
    assert theirs.body["operationId"] != mine.body["operationId"]


@pytest.mark.parametrize("key", ["k" * 256, "\xe9"])
async def test_a_key_that_is_none(others: object, ann: Caller, key: str) -> None:
    del others
    reply = await ann.post("/api/instances", WANTED, headers={"Idempotency-Key": key})
    assert (reply.status, reply.body["error"]) == (400, "invalid_idempotency_key")


async def test_forty_creates_at_once_all_become_ready(world: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    replies = await asyncio.gather(*(ann.post("/api/instances?wait=120", WANTED) for _ in range(40)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body["vmid"] for reply in replies}) == len({r.body["ip"] for r in replies}) == 40
    left = await world.left()
    assert left["containers"] == left["rows"] == sorted(reply.body["vmid"] for reply in replies)
    assert left["reserved"] == []


@pytest.mark.parametrize(("manner", "reason"), [("error", "checksum is wrong"), ("refuse", "no such engine")])
async def test_a_failing_agent_fails_the_operation_with_its_reason(
    world: World, worker: Worker, ann: Caller, manner: str, reason: str
) -> None:
    assert worker.alive
    world.scripts.default = manner
    reply = await ann.post("/api/instances?wait=60", WANTED)
    assert (reply.status, reply.body["error"]) == (502, "operation_failed")
    assert reason in reply.body["message"]
    assert await world.left() == NOTHING


class TestShortBudget:
    """A create that may take three seconds."""

    @pytest.fixture
    def extra(self, others: Any) -> dict[str, Any]:
        return {**others.settings, "create_seconds": 4}

    @pytest.mark.parametrize(
        ("manner", "reason"),
        [("never", "still waiting for the ping"), ("garbage", "no object"), ("hang", "in time")],
    )
    async def test_an_agent_that_never_is_ready(
        self, world: World, worker: Worker, ann: Caller, manner: str, reason: str
    ) -> None:
        assert worker.alive
        world.scripts.default = manner
        async with asyncio.timeout(15):
            reply = await ann.post("/api/instances?wait=60", WANTED)
        assert reply.body["details"]["code"] == "deadline_exceeded"
        assert reason in reply.body["message"]
        assert await world.left() == NOTHING


async def test_a_cancelled_create_leaves_nothing(world: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    world.scripts.default = "never"
    reply = await ann.post("/api/instances", WANTED)
    await ann.post(reply.body["statusUrl"] + "/cancel")
    assert (await ended(ann, reply.body["statusUrl"]))["status"] == "cancelled"
    assert await world.left() == NOTHING


@pytest.mark.seed("S9", "S10")
async def test_a_stopped_server_is_deleted_and_archived(world: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    vmid = await made(ann)
    world.cluster.ct(vmid).status = "stopped"
    reply = await ann.call("DELETE", f"/api/containers/{vmid}")
    assert (reply.status, reply.body["ok"], reply.body["vmid"]) == (200, True, vmid)
    assert isinstance(reply.body["archived"], int)
    assert await world.left() == NOTHING
    again = await ann.call("DELETE", f"/api/containers/{vmid}")
    assert (again.status, again.body["used"]) == (200, "DeletedInstance")


@pytest.mark.seed("S55")
async def test_a_container_that_never_keeps_still_is_followed(
    world: World, worker: Worker, ann: Caller
) -> None:
    assert worker.alive
    world.cluster.add_node("pve2")
    world.cluster.migrations = 7
    vmid = await made(ann)
    assert world.cluster.migrations == 0
    world.cluster.ct(vmid).status = "stopped"
    world.cluster.migrations = 3
    reply = await ann.call("DELETE", f"/api/containers/{vmid}")
    assert reply.status in {200, 202}
    await eventually(lambda: not world.cluster.ours(), timeout=20)
    assert await world.left() == NOTHING


async def test_a_running_server_is_not_deleted(world: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    vmid = await made(ann)
    reply = await ann.call("DELETE", f"/api/containers/{vmid}")
    assert (reply.status, reply.body["ok"], reply.body["error"]) == (409, False, "container_running")
    assert world.cluster.ours() == [vmid]


async def test_another_s_server_is_not_there(world: World, worker: Worker, ann: Caller, bob: Caller) -> None:
    assert worker.alive
    vmid = await made(ann)
    world.cluster.ct(vmid).status = "stopped"
    theirs = await bob.call("DELETE", f"/api/containers/{vmid}")
    absent = await bob.call("DELETE", "/api/containers/5999")
    assert (
        (theirs.status, theirs.body["error"])
        == (absent.status, absent.body["error"])
        == (404, "server_not_found")
    )
    assert world.cluster.ours() == [vmid]


@pytest.mark.parametrize(
    "vmid", ["abc", "9001", "820", "-5", "5000.0", "\u0665\u0660\u0660\u0660", "99999999999"]
)
async def test_a_vmid_that_is_none_of_ours(others: object, root: Caller, vmid: str) -> None:
    del others
    reply = await root.call("DELETE", f"/api/containers/{vmid}")
    assert (reply.status, reply.body["error"], reply.body["ok"]) == (400, "Invalid VMID", False)


async def test_an_unmarked_container_is_safe_even_from_an_admin(world: World, root: Caller) -> None:
    world.cluster.add_ct(5005, "precious", node="local")
    reply = await root.call("DELETE", "/api/containers/5005")
    assert reply.status == 404
    assert world.cluster.ours() == [5005]


async def orphan(world: World, caller: Caller, vmid: int = 5005, **more: Any) -> None:
    """Leave a marked container of the caller's behind."""
    user = (await caller.get("/api/auth/me")).body["user"]["id"]
    config = {"description": f"zpack operation=op_gone owner={user}", "tags": "zpack"}
    world.cluster.add_ct(vmid, "left", node="local", config=config, **more)


@pytest.mark.seed("S9")
async def test_an_orphan_goes_for_its_owner(world: World, worker: Worker, ann: Caller, bob: Caller) -> None:
    assert worker.alive
    await orphan(world, ann)
    assert (await bob.call("DELETE", "/api/containers/5005")).status == 404
    reply = await ann.call("DELETE", "/api/containers/5005")
    assert reply.status == 200
    assert reply.body["warning"]
    assert world.cluster.ours() == []


async def test_a_running_orphan_is_stopped_first(world: World, worker: Worker, ann: Caller) -> None:
    """No other route could stop it, for it has no server."""
    assert worker.alive
    await orphan(world, ann, status="running")
    assert (await ann.call("DELETE", "/api/containers/5005")).status == 200
    assert world.cluster.ours() == []


async def test_a_failed_create_can_be_tried_again(world: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    world.scripts.default = "error"
    url = (await ann.post("/api/instances", WANTED)).body["statusUrl"]
    assert (await ended(ann, url))["status"] == "failed"
    world.scripts.default = "ready"
    assert (await ann.post(f"{url}/retry")).status == 202
    assert (await ended(ann, url))["status"] == "succeeded"
    assert (await world.left())["rows"] == world.cluster.ours() == [5000]


async def test_two_deletes_at_once_are_one(world: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    vmid = await made(ann)
    world.cluster.ct(vmid).status = "stopped"
    replies = await asyncio.gather(*(ann.call("DELETE", f"/api/containers/{vmid}") for _ in range(3)))
    assert {reply.status for reply in replies} == {200}
    assert await world.left() == NOTHING
