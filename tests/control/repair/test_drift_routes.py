"""``/api/admin/drift``: what a dry run lists is what the real run then calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from tests.control.repair.mender import Mender
    from tests.support.http import Caller

ORPHAN = "/api/admin/drift/" + quote("container_without_row:5001", safe="")
LOST = "/api/admin/drift/" + quote("row_without_container:5000", safe="")


def listed(reply: Any) -> list[tuple[str, str, str]]:
    return [(call["system"], call["method"], call["path"]) for call in reply.body["calls"]]


async def orphaned(mender: Mender) -> None:
    await mender.forget_row(5001)
    await mender.look(2)


async def lost(mender: Mender) -> None:
    mender.lose(5000)
    await mender.look(2)


@pytest.mark.parametrize(
    ("broken", "path", "body"),
    [
        (orphaned, f"{ORPHAN}/delete", None),
        (lost, f"{LOST}/repair", None),
        (orphaned, f"{ORPHAN}/adopt", {}),
    ],
)
async def test_the_plan_is_what_is_done(
    mender: Mender, root: Caller, broken: Any, path: str, body: dict[str, str] | None
) -> None:
    await broken(mender)
    if body is not None:
        me = (await root.get("/api/auth/me")).body["user"]["id"]
        body = {"ownerId": me, "game": "minecraft", "variant": "flying-squid", "version": "1.21.4"}
    mender.forget_calls()
    planned = await root.call("POST", f"{path}?dryRun=true", body)
    assert (planned.status, mender.changes()) == (200, []), planned
    assert (await root.call("POST", path, body)).status == 200
    await mender.carry_out()
    assert sorted(mender.changes()) == sorted(listed(planned)) != []
    await mender.look(2)
    assert set((await mender.states()).values()) == {"healed"}


async def test_the_report_shows_evidence(mender: Mender, root: Caller) -> None:
    await orphaned(mender)
    (found,) = (await root.get("/api/admin/drift")).body["drift"]
    assert found["evidence"]["name"] == "mc-flying-squid-5001"
    (event,) = (await root.get("/api/admin/repairs")).body["events"]
    assert (event["event"], event["finding"]) == ("found", found["id"])


async def test_an_adopted_server_is_its_owner_s(mender: Mender, root: Caller, ann: Caller) -> None:
    await orphaned(mender)
    me = (await ann.get("/api/auth/me")).body["user"]["id"]
    body = {"ownerId": me, "game": "minecraft", "variant": "flying-squid", "version": "1.21.4"}
    reply = await root.post(f"{ORPHAN}/adopt", body)
    assert reply.body["result"]["agent"] == "running"
    assert (await ann.get("/api/servers/5001")).body["name"] == "mc-flying-squid-5001"


async def test_what_nobody_knows_has_to_be_said(mender: Mender, root: Caller) -> None:
    await orphaned(mender)
    me = (await root.get("/api/auth/me")).body["user"]["id"]
    reply = await root.post(f"{ORPHAN}/adopt", {"ownerId": me})
    assert (reply.status, reply.body["error"]) == (400, "missing_field")


async def test_a_container_that_came_back_is_not_archived(mender: Mender, root: Caller) -> None:
    await lost(mender)
    mender.world.cluster.add_ct(5000, "mc-flying-squid-5000", node="local")
    reply = await root.post(f"{LOST}/repair")
    assert (reply.status, reply.body["error"]) == (409, "drift_changed")


async def test_nothing_is_archived_while_a_node_is_away(mender: Mender, root: Caller) -> None:
    await lost(mender)
    mender.world.cluster.nodes["local"]["online"] = False
    reply = await root.post(f"{LOST}/repair")
    assert (reply.status, reply.body["error"]) == (503, "cluster_incomplete")


async def test_what_is_not_there_is_said(mender: Mender, root: Caller) -> None:
    assert (await root.post(f"{ORPHAN}/delete")).body["error"] == "drift_not_found"
    await orphaned(mender)
    assert (await root.post(f"{ORPHAN}/repair")).body["error"] == "drift_not_repairable"
