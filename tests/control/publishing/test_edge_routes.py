"""``/api/edge``: what administrators see and do by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.opnsense import simulated_opnsense
from zpack.control.instances import store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.control.provisioning.counterparts import Counterparts
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from tests.support.opnsense import Router

NAME = "mc-flying-squid-5000"


@pytest.fixture
async def router() -> AsyncIterator[Router]:
    async with simulated_opnsense() as found:
        yield found


@pytest.fixture
def extra(others: Counterparts, router: Router) -> dict[str, Any]:
    """Point the settings at the counterparts, OPNsense among them."""
    return others.settings | router.settings


async def test_health_tells_each_link(world: World, root: Caller, router: Router) -> None:
    """The Node service called OPNsense unreachable for ever: it asked a boolean for ``.ok``."""
    body = (await root.get("/api/edge/health")).body
    assert (body["ok"], body["opnsense"], body["velocity"]) == (True, "reachable", "reachable")
    assert body["technitium"] == "not_configured"
    router.break_("*", "forbidden")
    body = (await root.get("/api/edge/health")).body
    assert (body["ok"], body["opnsense"], body["velocity"]) == (False, "unreachable", "reachable")
    assert "403" in body["links"]["opnsense"]["error"]
    assert (await root.get("/api/test/edge/health")).status == 503


async def test_off_and_on_again_by_hand(world: World, root: Caller) -> None:
    await world.created(5000)
    off = await root.post("/api/edge/unpublish", {"vmid": 5000, "slotHostname": NAME})
    assert (off.status, off.body["ok"], world.edge.servers) == (200, True, {})
    on = await root.post("/api/edge/publish", {"vmid": 5000, "slotHostname": f"{NAME}.zpack.localhost"})
    assert (on.body["edge"]["state"], sorted(world.edge.servers)) == ("published", [NAME])
    audit = (await root.get("/api/audit")).body["entries"]
    assert [one["action"] for one in audit][:2] == ["edge.publish", "edge.unpublish"]


async def test_the_name_that_was_registered_is_the_one_that_is_taken_off(world: World, root: Caller) -> None:
    """The Node service unregistered ``<name>.<zone>`` and took the 404 for success (contract §6.4a)."""
    await world.created(5000)
    await root.post("/api/edge/unpublish", {"vmid": 5000})
    named = {body["server_name"] for path, body in world.edge.calls if path != "/zpack/status"}
    assert named == {NAME}


async def test_a_rehearsal_changes_nothing(world: World, root: Caller) -> None:
    await world.created(5000)
    for path in ("publish", "unpublish"):
        reply = await root.post(f"/api/edge/{path}", {"vmid": 5000, "dryRun": True})
        [call] = reply.body["calls"]["velocity"]
        assert call.startswith(f"POST /zpack/{'register' if path == 'publish' else 'unregister'} {NAME}")
    assert (await world.row(5000)).payload["edge"]["state"] == "published"


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("publish", {"vmid": 5001}, (404, "unknown_server")),
        ("publish", {"vmid": 100}, (404, "unknown_server")),
        ("publish", {"vmid": 5000, "slotHostname": "mc-paper-5000"}, (409, "edge_mismatch")),
        ("publish", {"vmid": 5000, "ctIp": "10.0.0.1"}, (409, "edge_mismatch")),
        ("unpublish", {"vmid": 5000, "game": "rust"}, (409, "edge_mismatch")),
        ("unpublish", {"vmid": 5001, "slotHostname": "lobby"}, (404, "unknown_server")),
        ("unpublish", {"vmid": 5000, "slotHostname": "a b; reboot"}, (400, "invalid_request")),
        ("publish", {"vmid": 5000, "ports": [70000]}, (400, "invalid_request")),
    ],
)
async def test_what_is_refused(
    world: World, root: Caller, path: str, body: dict[str, Any], said: tuple[int, str]
) -> None:
    await world.created(5000)
    reply = await root.post(f"/api/edge/{path}", body)
    assert (reply.status, reply.body["error"]) == said
    assert sorted(world.edge.servers) == [NAME]


async def test_a_broken_door_is_named(world: World, root: Caller) -> None:
    await world.created(5000)
    world.edge.refuse = 500
    reply = await root.post("/api/edge/publish", {"vmid": 5000})
    assert (reply.status, reply.body["ok"], reply.body["error"]) == (502, False, "edge_link_failed")
    assert reply.body["details"]["edge"]["velocity"]["code"] == "link_error"


async def test_drift_is_shown_and_only_mended_when_told_to(
    world: World, root: Caller, router: Router
) -> None:
    await world.created(5000)
    world.edge.servers.clear()
    world.edge.servers["mc-paper-5077"] = {"name": "mc-paper-5077", "address": "10.0.0.1", "port": 1}
    world.edge.servers["lobby"] = {"name": "lobby", "address": "10.0.0.1", "port": 1}
    body = (await root.get("/api/edge/drift")).body
    assert (body["dryRun"], body["orphans"]) == (True, [{"hostname": "mc-paper-5077", "links": ["velocity"]}])
    assert body["links"]["velocity"]["missing"] == [NAME]
    assert len(body["links"]["velocity"]["calls"]) == 2
    assert "mc-paper-5077" in world.edge.servers
    mended = (await root.post("/api/edge/drift", {"apply": True})).body
    assert mended["applied"] == {"velocity": {"ok": True}, "opnsense": {"ok": True}}
    assert sorted(world.edge.servers) == ["lobby", NAME]


async def test_many_orphans_go_only_when_that_is_said(world: World, root: Caller) -> None:
    strange = [f"mc-paper-{vmid}" for vmid in range(5071, 5075)]
    for name in strange:
        world.edge.servers[name] = {"name": name, "address": "10.0.0.1", "port": 1}
    body = (await root.post("/api/edge/drift", {"apply": True})).body
    assert (body["links"]["velocity"]["withheld"], sorted(world.edge.servers)) == (strange, strange)
    await root.post("/api/edge/drift", {"apply": True, "orphans": True})
    assert world.edge.servers == {}


async def test_drift_knows_rows_without_containers_and_the_reverse(world: World, root: Caller) -> None:
    await world.created(5000)
    await world.created(5001)
    world.cluster.cts.remove(world.cluster.ct(5000))
    async with world.clients.database.transaction() as session:
        await store.delete_instance(session, 5001)
    body = (await root.get("/api/edge/drift")).body
    assert (body["dbOnly"], body["proxOnly"]) == ([NAME], [NAME.replace("5000", "5001")])


async def test_a_link_that_is_away_is_told_as_such(world: World, root: Caller, router: Router) -> None:
    router.break_("*", "garbage")
    body = (await root.get("/api/edge/drift")).body
    assert (body["ok"], body["links"]["opnsense"]["state"]) == (False, "failed")
    assert body["links"]["velocity"]["state"] == "compared"
