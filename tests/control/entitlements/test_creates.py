"""Creates against the limits of a plan: through the real API, several at the same moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from sqlalchemy import text

from tests.control.provisioning.test_provisioning_routes import WANTED, ended
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.control.provisioning.counterparts import Counterparts
    from tests.control.provisioning.world import World
    from tests.support.http import Caller, Reply
    from zpack.control.worker import Worker

SMALL = {**WANTED, "memoryMiB": 256, "cpuCores": 1}
BACKUPS = "/api/servers/5000/backups"


@pytest.fixture
def extra(others: Counterparts) -> dict[str, Any]:
    """Everybody has the smallest plan: one game server, 1024 MiB, two cores, one backup."""
    return others.settings | {"default_plan": "free"}


async def create(caller: Caller, **more: Any) -> Reply:
    return await caller.post("/api/instances", SMALL | more)


async def change(world: World, statement: str) -> None:
    async with world.clients.database.transaction() as session:
        await session.execute(text(statement))


async def forget_creates(world: World) -> None:
    await change(world, "delete from vmid_reservations")
    await change(world, "delete from operations")


async def test_of_two_creates_for_the_last_place_one_wins(world: World, ann: Caller) -> None:
    for _ in range(10):
        replies = await asyncio.gather(create(ann), create(ann))
        assert sorted(reply.status for reply in replies) == [202, 402]
        await forget_creates(world)


async def test_ten_creates_for_three_places_are_three(world: World, ann: Caller) -> None:
    limits = """'{"gameServers": 3, "memoryMb": null, "cpus": null, "diskMb": null}'"""
    await change(world, f"update plans set limits = {limits} where id = 'free'")
    replies = await asyncio.gather(*(create(ann) for _ in range(10)))
    assert sorted(reply.status for reply in replies) == [202] * 3 + [402] * 7


async def test_accounts_do_not_take_each_other_s_places(world: World, ann: Caller, bob: Caller) -> None:
    assert world
    replies = await asyncio.gather(create(ann), create(bob))
    assert [reply.status for reply in replies] == [202, 202]


@pytest.mark.seed("S89")
async def test_an_administrator_has_no_limits(world: World, root: Caller) -> None:
    assert world
    replies = [await create(root, memoryMiB=65536) for _ in range(3)]
    assert [reply.status for reply in replies] == [202, 202, 202]


@pytest.mark.parametrize(
    ("wanted", "limit", "allowed"), [({"memoryMiB": 2048}, "memoryMb", 1024), ({"cpuCores": 4}, "cpus", 2)]
)
async def test_too_large_a_server_is_refused_by_the_limit_s_name(
    world: World, ann: Caller, wanted: dict[str, int], limit: str, allowed: int
) -> None:
    assert world
    reply = await create(ann, **wanted)
    assert (reply.status, reply.body["error"]) == (402, "plan_limit_reached")
    assert reply.body["details"] == {"limit": limit, "allowed": allowed, "used": 0, "plan": "free"}


async def test_the_template_s_disk_counts(world: World, ann: Caller) -> None:
    await change(world, "update plans set limits = limits || '{\"diskMb\": 100}' where id = 'free'")
    details = (await create(ann)).body["details"]
    assert (details["limit"], details["allowed"]) == ("diskMb", 100)


async def test_a_key_finds_its_create_where_nothing_more_fits(world: World, ann: Caller) -> None:
    assert world
    headers = {"Idempotency-Key": "one"}
    replies = await asyncio.gather(*(ann.post("/api/instances", SMALL, headers=headers) for _ in range(4)))
    assert {reply.status for reply in replies} == {202}
    assert len({reply.body["operationId"] for reply in replies}) == 1


async def test_a_create_that_was_undone_frees_its_place(world: World, worker: Worker, ann: Caller) -> None:
    assert worker.alive
    world.scripts.default = "error"
    first = await create(ann)
    assert (await create(ann)).status == 402
    assert (await ended(ann, first.body["statusUrl"]))["status"] == "failed"
    assert (await create(ann)).status == 202


async def test_a_failed_create_takes_no_second_place_when_tried_again(
    world: World, worker: Worker, ann: Caller
) -> None:
    assert worker.alive
    world.scripts.default = "error"
    url = (await create(ann)).body["statusUrl"]
    await ended(ann, url)
    world.scripts.default = "ready"
    assert (await ann.post("/api/instances?wait=60", SMALL)).status == 200
    await ann.post(f"{url}/retry")
    await eventually(lambda: _refused(ann, url), what="the refusal")
    assert len((await ann.get("/api/servers")).body["servers"]) == 1


async def _refused(caller: Caller, url: str) -> bool:
    error = (await caller.get(url)).body["operation"].get("error") or {}
    return error.get("code") == "plan_limit_reached"


async def test_a_server_takes_its_place_until_it_is_deleted(
    world: World, worker: Worker, ann: Caller
) -> None:
    assert worker.alive
    assert (await ann.post("/api/instances?wait=60", SMALL)).status == 200
    assert (await create(ann)).body["details"] == {
        "limit": "gameServers", "allowed": 1, "used": 1, "plan": "free",
    }  # fmt: skip
    world.cluster.ct(5000).status = "stopped"
    assert (await ann.call("DELETE", "/api/containers/5000")).status == 200
    assert (await create(ann)).status == 202


# --- backups -------------------------------------------------------------------------------------


class Shelf:
    """The backups an agent keeps."""

    def __init__(self, *kinds: str) -> None:
        self.kept = [{"id": f"b{n}", "type": kind} for n, kind in enumerate(kinds)]

    async def answer(self, request: Any) -> Any:
        if request.method == "GET":
            await asyncio.sleep(0.05)
            return web.json_response({"backups": self.kept})
        self.kept.append({"id": f"b{len(self.kept)}", "type": "manual"})
        return web.json_response({"backup": self.kept[-1]}, status=201)


async def shelved(world: World, ann: Caller, *kinds: str) -> Shelf:
    await world.created(5000, owner=(await ann.get("/api/auth/me")).body["user"]["id"])
    world.scripts.special["/game/backups"] = (shelf := Shelf(*kinds)).answer
    return shelf


async def test_of_two_backups_for_the_last_place_one_is_made(world: World, ann: Caller) -> None:
    shelf = await shelved(world, ann, "checkpoint")
    replies = await asyncio.gather(ann.post(BACKUPS), ann.post(BACKUPS))
    assert sum(reply.status == 201 for reply in replies) == 1
    assert {reply.status for reply in replies} <= {201, 402, 409}
    assert len(shelf.kept) == 2


async def test_a_backup_over_the_limit_names_it(world: World, ann: Caller) -> None:
    await shelved(world, ann, "manual")
    reply = await ann.post(BACKUPS)
    assert reply.status == 402
    assert reply.body["details"] == {"limit": "backupsPerServer", "allowed": 1, "used": 1, "plan": "free"}


async def test_an_agent_that_lists_nothing_gets_no_backup_more(world: World, ann: Caller) -> None:
    await world.created(5000, owner=(await ann.get("/api/auth/me")).body["user"]["id"])
    assert (await ann.post(BACKUPS)).status == 502
