"""The edge's intent, its callbacks, and the reconciler that makes it right again."""

from __future__ import annotations

import asyncio
import json
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.provisioning.counterparts import address_of
from zpack.control.engine.errors import ForeignError
from zpack.control.publishing.models import parse_report, proxy_patch
from zpack.wire.edge import SECRET_HEADER, hashed_secret

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller, Reply

NAME = "mc-flying-squid-5000"
OK = {"server_name": NAME, "status": "proxy_ping_ok", "latency_ms": 3.5}


async def report(anyone: Caller, body: Any, secret: str = "an edge secret for tests") -> Reply:
    headers = {SECRET_HEADER: hashed_secret(secret)}
    return await anyone.post("/internal/velocity/proxy-status", body, headers=headers)


async def test_publishing_writes_the_edge_record(world: World) -> None:
    await world.created(5000)
    edge = (await world.row(5000)).payload["edge"]
    assert (edge["state"], edge["fqdn"]) == ("published", f"{NAME}.zpack.localhost")
    assert edge["velocity"]["verified"] is True


@pytest.mark.seed("S33")
async def test_a_proxy_that_forgets_at_once_is_no_success(world: World) -> None:
    await world.created(5000)
    world.edge.forgetful = True
    world.edge.servers[NAME.replace("5000", "5001")] = {"name": NAME.replace("5000", "5001")}
    del world.edge.servers[NAME]
    with pytest.raises(ForeignError, match="does not list it"):
        await world.publishing.publish(vmid=5000)


@pytest.mark.seed("S35")
async def test_a_proxy_that_lists_nothing_is_believed_but_unverified(world: World) -> None:
    await world.created(5000)
    world.edge.forgetful = True
    world.edge.servers.clear()
    edge = await world.publishing.publish(vmid=5000)
    assert edge["velocity"]["verified"] is False


async def test_a_restarted_proxy_is_told_again(world: World) -> None:
    await world.created(5000)
    world.edge.servers.clear()
    await world.reconciler.tick()
    assert sorted(world.edge.servers) == [NAME]


async def test_a_wrong_address_is_mended(world: World) -> None:
    await world.created(5000)
    world.edge.servers[NAME]["address"] = "10.0.0.1"
    await world.reconciler.tick()
    assert world.edge.servers[NAME]["address"] == "127.82.19.136"


async def test_leftovers_of_ours_go_and_strangers_stay(world: World) -> None:
    for name in ("mc-paper-5077", "lobby", "lobby-9001"):
        world.edge.servers[name] = {"name": name, "address": "10.0.0.1", "port": 1}
    await world.reconciler.tick()
    assert sorted(world.edge.servers) == ["lobby", "lobby-9001"]


async def test_what_was_unpublished_stays_off(world: World) -> None:
    await world.created(5000)
    await world.publishing.unpublish(vmid=5000, hostname=NAME)
    await world.reconciler.tick()
    assert world.edge.servers == {}


@pytest.mark.seed("S38")
async def test_a_callback_is_merged(world: World, anyone: Caller) -> None:
    await world.created(5000)
    assert (await report(anyone, OK)).status == 200
    proxy = (await world.row(5000)).payload["proxy"]
    assert (proxy["status"], proxy["latencyMs"], proxy["source"]) == ("proxy_ping_ok", 3.5, "velocity")
    assert proxy["pingOkAt"] == proxy["lastEventAt"]


async def test_what_is_said_of_another_address_changes_no_verdict(world: World, anyone: Caller) -> None:
    await world.created(5000)
    await report(anyone, {"server_name": NAME, "status": "proxy_ping_failed", "address": address_of(5000)})
    stray = {"server_name": NAME, "status": "proxy_ping_ok", "address": "10.9.9.9"}
    assert (await report(anyone, stray)).status == 200
    proxy = (await world.row(5000)).payload["proxy"]
    assert (proxy["status"], proxy["elsewhere"]["address"]) == ("proxy_ping_failed", "10.9.9.9")


def test_an_old_address_s_ping_does_not_hold_for_a_new_one() -> None:
    told = parse_report({"server_name": NAME, "status": "registered_with_proxy", "address": "10.0.0.2"})
    assert not isinstance(told, str)
    patch = proxy_patch(told, "now", here="10.0.0.2", before="10.0.0.1")
    assert (patch["pingOkAt"], patch["pingFailedAt"], patch["registeredAt"]) == (None, None, "now")


@pytest.mark.parametrize(
    "body",
    [
        {"serverName": NAME, "status": "registered_with_proxy", "latencyMs": 1},
        {"server_name": f"{NAME}.zpack.localhost", "status": "proxy_ping_failed", "detail": "refused"},
        {"server_name": NAME.upper(), "status": "proxy_ping_ok"},
    ],
)
@pytest.mark.seed("S37")
async def test_every_spelling_finds_its_server(world: World, anyone: Caller, body: dict[str, Any]) -> None:
    await world.created(5000)
    assert (await report(anyone, body)).status == 200
    assert (await world.row(5000)).payload["proxy"]["status"] == body["status"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_proxy_status"),
        ([OK], 400, "invalid_proxy_status"),
        ({"server_name": NAME, "status": "exploded"}, 400, "invalid_proxy_status"),
        ({"server_name": 5, "status": "proxy_ping_ok"}, 400, "invalid_proxy_status"),
        ({"server_name": "mc-paper-5999", "status": "proxy_ping_ok"}, 404, "unknown_server"),
        ({"server_name": "a\x00b", "status": "proxy_ping_ok"}, 400, "invalid_proxy_status"),
    ],
)
@pytest.mark.seed("S37")
async def test_bad_callbacks(anyone: Caller, body: Any, status: int, code: str) -> None:
    reply = await report(anyone, body)
    assert (reply.status, reply.body["error"]) == (status, code)


@pytest.mark.parametrize("path", ["proxy-status", "servers"])
@pytest.mark.parametrize("header", [None, "", "wrong", "an edge secret for tests", "\xe9"])
@pytest.mark.seed("S36")
async def test_the_door_needs_the_hashed_secret(anyone: Caller, path: str, header: str | None) -> None:
    headers = {} if header is None else {SECRET_HEADER: header}
    method = "GET" if path == "servers" else "POST"
    reply = await anyone.call(method, f"/internal/velocity/{path}", OK, headers=headers)
    assert (reply.status, reply.body["error"]) == (401, "unauthorized")


@pytest.mark.seed("S17", "S18")
async def test_two_hundred_writers_at_once_lose_nothing(world: World, anyone: Caller) -> None:
    await world.created(5000)
    merge = world.publishing._instances.merge_payload
    edge = [merge(5000, "edge", {f"e{n}": n}) for n in range(100)]
    proxy = [merge(5000, "proxy", {f"p{n}": n}) for n in range(80)]
    reports = [report(anyone, {**OK, "detail": str(n)}) for n in range(20)]
    mixed = [work for three in zip_longest(edge, proxy, reports) for work in three if work is not None]
    assert len(mixed) == 200
    await asyncio.gather(*mixed)
    payload = (await world.row(5000)).payload
    assert [payload["edge"].get(f"e{n}") for n in range(100)] == list(range(100))
    assert [payload["proxy"].get(f"p{n}") for n in range(80)] == list(range(80))
    assert (payload["edge"]["state"], payload["proxy"]["status"]) == ("published", "proxy_ping_ok")
    assert payload["game"] == "minecraft", "the rest of the payload is untouched"


async def test_a_server_that_moved_is_taken_off_before_it_is_put_on(world: World) -> None:
    await world.created(5000)
    world.edge.servers[NAME]["address"] = "10.0.0.1"
    world.edge.calls.clear()
    await world.reconciler.tick()
    changes = [call for call in world.edge.calls if call[0] != "/zpack/status"]
    assert changes == [
        ("/zpack/unregister", {"server_name": NAME}),
        ("/zpack/register", {"server_name": NAME, "address": "127.82.19.136", "port": 25565}),
    ]


async def test_what_is_unpublished_while_it_is_put_on_does_not_stay(world: World) -> None:
    await world.created(5000)
    world.edge.servers.clear()
    world.edge.servers["lobby"] = {"name": "lobby", "address": "10.0.0.1", "port": 1}

    async def meanwhile() -> None:
        await world.publishing._instances.merge_payload(5000, "edge", {"state": "unpublished"})

    world.edge.on_register = meanwhile
    await world.reconciler.tick()
    assert sorted(world.edge.servers) == ["lobby"]


async def test_a_registration_about_to_be_recorded_is_left_alone(world: World) -> None:
    await world.created(5000)
    await world.publishing._instances.merge_payload(5000, "edge", {"state": "pending"})
    await world.reconciler.tick()
    assert sorted(world.edge.servers) == [NAME]


async def test_the_proxy_s_list_is_kept_for_those_who_show_it(world: World) -> None:
    await world.created(5000)
    await world.reconciler.tick()
    assert await world.clients.redis.hget("edge:backends", NAME) == "127.82.19.136:25565"
    world.edge.refuse = 500
    with pytest.raises(ForeignError):
        await world.reconciler.tick()
    assert 10 <= await world.clients.redis.ttl("edge:backends") <= 15


@pytest.mark.seed("S35")
async def test_a_proxy_that_lists_nothing_proves_nothing(world: World) -> None:
    await world.created(5000)
    await world.reconciler.tick()
    world.edge.forgetful = True
    world.edge.servers.clear()
    await world.reconciler.tick()
    assert await world.clients.redis.exists("edge:backends") == 0


async def test_only_ready_servers_are_handed_to_a_restarted_proxy(world: World, anyone: Caller) -> None:
    for vmid in (5000, 5001):
        await world.created(vmid)
    world.scripts.manner[5001] = "never"
    await world.heartbeat.tick()
    headers = {SECRET_HEADER: hashed_secret("an edge secret for tests")}
    reply = await anyone.get("/internal/velocity/servers", headers=headers)
    assert [(s["name"], s["address"]) for s in reply.body["servers"]] == [(NAME, "127.82.19.136")]


@pytest.mark.parametrize("value", [float("inf"), 1e30, True, "3", None, [1]])
def test_a_latency_that_is_no_number_is_none(value: Any) -> None:
    report = parse_report({**OK, "latency_ms": value})
    assert not isinstance(report, str)
    assert report.latency_ms is None
    json.dumps(report.latency_ms, allow_nan=False)
