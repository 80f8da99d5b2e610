"""``GET /api/events``: what a listener is told, how soon, and when the right to it ends."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest
from sqlalchemy import text

from tests.support.slowness import slowness
from tests.support.sse import Listener
from tests.support.tokens import shortened
from tests.support.waiting import eventually
from zpack.control.engine.changes import Change

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.settings import Settings
    from zpack.control.wiring import Api


async def mine(world: World, caller: Caller, vmid: int = 5000) -> None:
    await world.created(vmid, owner=(await caller.get("/api/auth/me")).body["user"]["id"])
    await world.look()


def listening(base_url: str, caller: Caller) -> Listener:
    assert caller.token
    return Listener(base_url, caller.token)


async def test_a_listener_first_hears_all_it_has(world: World, ann: Caller, base_url: str) -> None:
    await mine(world, ann)
    async with listening(base_url, ann) as stream:
        snapshot = await stream.named("servers.snapshot")
    assert snapshot == (await ann.get("/api/servers")).body


async def test_a_change_is_heard_within_a_second(world: World, ann: Caller, base_url: str) -> None:
    await mine(world, ann)
    async with listening(base_url, ann) as stream:
        await stream.named("servers.snapshot")
        world.scripts.manner[5000] = "never"
        await world.heartbeat.tick()
        began = time.monotonic()
        told = await stream.named("server.status")
        assert time.monotonic() - began < slowness()
    assert (told["id"], told["agentReady"], told["connection"]["connectable"]) == ("5000", False, False)


async def test_a_poll_without_news_says_nothing(world: World, ann: Caller, base_url: str) -> None:
    await mine(world, ann)
    async with listening(base_url, ann) as stream:
        await stream.named("servers.snapshot")
        for _ in range(3):
            await world.look()
        with pytest.raises(TimeoutError):
            await stream.named("server.status", seconds=0.5)


async def test_another_s_server_is_not_heard_of(
    world: World, ann: Caller, bob: Caller, root: Caller, base_url: str
) -> None:
    await mine(world, ann)
    async with listening(base_url, bob) as theirs, listening(base_url, root) as everyone:
        assert await theirs.named("servers.snapshot") == {"servers": []}
        assert len((await everyone.named("servers.snapshot"))["servers"]) == 1
        world.scripts.manner[5000] = "never"
        await world.heartbeat.tick()
        assert (await everyone.named("server.status"))["id"] == "5000"
        with pytest.raises(TimeoutError):
            await theirs.named("server.status", seconds=0.5)


async def test_an_operation_is_followed(world: World, ann: Caller, base_url: str) -> None:
    await mine(world, ann)
    async with listening(base_url, ann) as stream:
        await stream.named("servers.snapshot")
        began = (await ann.post("/api/servers/5000/host/stop")).body["operation"]
        assert (await stream.named("server.status"))["hostOperation"]["id"] == began["id"]


async def test_a_ticket_is_told_to_who_asked_and_to_administrators(
    ann: Caller, bob: Caller, root: Caller, base_url: str
) -> None:
    asked = {"subject": "Help", "message": "Please"}
    ticket = (await ann.post("/api/support/create", asked)).body["ticket"]["id"]
    async with listening(base_url, ann) as hers, listening(base_url, bob) as his:
        await hers.named("servers.snapshot")
        await his.named("servers.snapshot")
        await root.post(f"/api/support/tickets/{ticket}/messages", {"message": "Done."})
        assert await hers.named("ticket.updated") == {"id": ticket}
        with pytest.raises(TimeoutError):
            await his.named("ticket.updated", seconds=0.5)


async def test_a_deleted_server_is_told_as_such(world: World, ann: Caller, base_url: str) -> None:
    await mine(world, ann)
    async with listening(base_url, ann) as stream:
        await stream.named("servers.snapshot")
        async with world.clients.database.transaction() as session:
            await session.execute(text("delete from instances"))
        owner = (await ann.get("/api/auth/me")).body["user"]["id"]
        await world.stores.changes.tell(Change("server", "5000", owner))
        assert await stream.named("server.deleted") == {"id": "5000", "vmid": 5000}


async def test_the_stream_ends_with_the_account(world: World, ann: Caller, base_url: str) -> None:
    await mine(world, ann)
    async with listening(base_url, ann) as stream:
        await stream.named("servers.snapshot")
        async with world.clients.database.transaction() as session:
            await session.execute(text("delete from users where username = 'ann'"))
        assert await stream.named("end") == {"reason": "access_revoked"}
        assert await stream.next() is None


async def test_an_admin_no_more_hears_no_more(world: World, ann: Caller, root: Caller, base_url: str) -> None:
    await mine(world, ann)
    async with listening(base_url, root) as stream:
        await stream.named("servers.snapshot")
        async with world.clients.database.transaction() as session:
            await session.execute(text("update users set role = 'user' where role = 'admin'"))
        assert await stream.named("end") == {"reason": "access_revoked"}


async def test_the_stream_ends_with_the_token(ann: Caller, base_url: str, settings: Settings) -> None:
    short = shortened(str(ann.token), settings.auth_secret.get_secret_value(), 1.5)
    async with Listener(base_url, short) as stream:
        assert await stream.named("end") == {"reason": "token_expired"}


async def test_strangers_hear_nothing(base_url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{base_url}/api/events") as reply:
        assert (reply.status, (await reply.json())["error"]) == (401, "Missing authorization token")


async def test_too_many_streams_are_refused(ann: Caller, bob: Caller, base_url: str) -> None:
    streams = [listening(base_url, ann) for _ in range(20)]
    for stream in streams:
        await stream.__aenter__()
    reply = await ann.get("/api/events")
    assert (reply.status, reply.body["error"], reply.headers["Retry-After"]) == (
        429, "too_many_streams", "10",
    )  # fmt: skip
    async with listening(base_url, bob) as other:
        await other.named("servers.snapshot")
    for stream in streams:
        await stream.__aexit__()


async def test_a_listener_that_leaves_is_forgotten(ann: Caller, base_url: str, api: Api) -> None:
    async with listening(base_url, ann) as stream:
        await stream.named("servers.snapshot")
        assert len(api.events._channels) == 1
    await eventually(lambda: not len(api.events._channels), what="the stream to be forgotten")
    assert api.events._listening is None


async def test_a_stopping_process_ends_its_streams(ann: Caller, base_url: str, api: Api) -> None:
    async with listening(base_url, ann) as stream:
        await stream.named("servers.snapshot")
        api.events.shut()
        assert await stream.named("end") == {"reason": "server_stopping"}


async def test_a_slow_listener_hears_the_latest_once(world: World, ann: Caller, base_url: str) -> None:
    await mine(world, ann)
    async with listening(base_url, ann) as stream:
        await stream.named("servers.snapshot")
        for manner in ["never", "ready"] * 5 + ["never"]:
            world.scripts.manner[5000] = manner
            await world.heartbeat.tick()
        told = await stream.until(lambda name, body: name == "server.status" and not body["agentReady"])
        assert told["connection"]["state"] == "starting"
        assert len([1 for name, _ in stream.heard if name == "server.status"]) <= 11


async def test_a_host_that_stopped_by_itself_is_told(world: World, ann: Caller, base_url: str) -> None:
    await mine(world, ann)
    async with listening(base_url, ann) as stream:
        await stream.named("servers.snapshot")
        told = asyncio.ensure_future(stream.named("server.status"))
        world.cluster.ct(5000).status = "stopped"
        await world.watch.tick()
        assert (await told)["powerState"] == "stopped"
