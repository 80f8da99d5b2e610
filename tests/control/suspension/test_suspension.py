"""Suspended accounts' servers are down and off the edge, and come back as they were, once each."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.provisioning.test_provisioning_routes import WANTED
from tests.control.provisioning.world import request_for, run
from tests.control.suspension.standing import NAME, SERVER, Hers
from tests.support.waiting import eventually
from zpack.control.suspension.models import Concerned, next_move, pause_after
from zpack.control.wiring import build_work
from zpack.control.worker import Worker

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.settings import Settings
    from zpack.control.wiring import Clients, Hint

DOWN = "suspended_shutdown"


async def started(settings: Settings, clients: Clients, hint: Hint) -> Worker:
    work = build_work(settings, clients, embedded=True)
    hint.listener = work.dispatch
    worker = Worker(work)
    await worker.start()
    return worker


async def test_created_suspended_recovered_across_restarts_of_the_worker(
    world: World, settings: Settings, clients: Clients, hint: Hint, ann: Caller
) -> None:
    worker = await started(settings, clients, hint)
    assert (await ann.post("/api/instances?wait=60", WANTED)).status == 200
    hers = Hers.of(world, settings, ann, (await ann.get("/api/auth/me")).body["user"]["id"])
    await hers.stands(DOWN, billing_status="suspended")
    await eventually(lambda: hers.did("host-stop"), timeout=20, what="the stop")
    assert (hers.power, world.edge.servers) == ("stopped", {})
    await worker.stop()
    worker = await started(settings, clients, hint)
    assert (await ann.post(f"{SERVER}/host/start")).body["error"] == "account_suspended"
    await hers.stands("allowed", billing_status="active")
    await eventually(lambda: hers.did("host-stop", "host-start"), timeout=20, what="the start")
    await eventually(lambda: NAME in world.edge.servers, what="the registration")
    await worker.stop()
    worker = await started(settings, clients, hint)
    await eventually(lambda: _forgotten(hers), what="the end of the recovery")
    await worker.stop()
    assert await hers.did("host-stop", "host-start")
    assert hers.power == "running"


async def _forgotten(hers: Hers) -> bool:
    return await hers.kept() == []


async def test_what_did_not_run_is_not_started(hers: Hers) -> None:
    hers.world.cluster.ct(5000).status = "stopped"
    await hers.world.look()
    await hers.stands(DOWN)
    await hers.settle()
    await hers.stands("allowed")
    await hers.settle()
    assert (hers.power, await hers.kept(), await hers.host_operations()) == ("stopped", [], [])


async def test_coming_round_again_changes_nothing(hers: Hers) -> None:
    await hers.stands(DOWN)
    await hers.settle(6)
    calls = len(hers.world.edge.calls)
    await hers.reconciler.tick()
    assert await hers.host_operations() == [("host-stop", "succeeded")]
    assert len(hers.world.edge.calls) == calls


async def test_lost_live_state_begins_nothing_twice(hers: Hers) -> None:
    await hers.stands(DOWN)
    await hers.reconciler.tick()
    await hers.world.clients.redis.flushall()
    await hers.world.watch.tick()
    await hers.reconciler.tick()
    assert await hers.host_operations() == [("host-stop", "queued")]


async def test_two_reconcilers_at_once_begin_one_stop(hers: Hers) -> None:
    await hers.stands(DOWN)
    await asyncio.gather(*(hers.reconciler.tick() for _ in range(5)))
    assert await hers.host_operations() == [("host-stop", "queued")]


async def test_recovered_before_the_stop_is_done_it_ends_running(hers: Hers) -> None:
    await hers.stands(DOWN)
    await hers.reconciler.tick()
    await hers.stands("allowed")
    await hers.reconciler.tick()
    await hers.settle()
    assert hers.power == "running"
    assert await hers.did("host-stop", "host-start")


async def test_a_server_somebody_starts_at_the_cluster_is_stopped_again(hers: Hers) -> None:
    await hers.stands(DOWN)
    await hers.settle()
    hers.world.cluster.ct(5000).status = "running"
    await hers.world.look()
    await hers.settle()
    assert hers.power == "stopped"


async def test_a_create_under_way_ends_in_a_server_that_goes_down_too(hers: Hers) -> None:
    first, *others = hers.world.create
    state = await run((first,), request_for(5001, "op_5001", hers.user_id))
    await hers.stands(DOWN)
    await hers.settle()
    await run(tuple(others), state)
    await hers.world.look()
    await hers.settle()
    assert hers.world.cluster.ct(5001).status == "stopped"
    assert hers.world.edge.servers == {}


async def test_a_deleted_server_is_not_remembered(hers: Hers) -> None:
    await hers.stands(DOWN)
    await hers.settle()
    state = {"vmid": 5000, "hostname": NAME, "operation_id": "op_delete", "customer_id": hers.user_id}
    for step in hers.world.delete:
        state |= await step.do(state) or {}
    await hers.settle()
    assert await hers.kept() == []


async def test_the_edge_s_own_reconciler_and_a_restarted_proxy_leave_it_off(hers: Hers) -> None:
    await hers.stands(DOWN)
    await hers.settle()
    await hers.world.look()
    assert hers.world.edge.servers == {}
    assert await hers.world.publishing.rehydration() == []


async def test_an_edge_that_is_away_does_not_keep_it_running(hers: Hers) -> None:
    hers.world.edge.refuse = 503
    await hers.stands(DOWN)
    await hers.reconciler.tick()
    await hers.reconciler.tick()
    assert await hers.host_operations() == [("host-stop", "queued")]
    hers.world.edge.refuse = None
    await hers.world.reconciler.tick()
    assert hers.world.edge.servers == {}


async def test_nothing_happens_to_others(hers: Hers) -> None:
    await hers.world.created(5001, owner="u-ada")
    await hers.world.look()
    await hers.stands(DOWN)
    await hers.settle()
    assert hers.world.cluster.ct(5001).status == "running"
    assert list(hers.world.edge.servers) == ["mc-flying-squid-5001"]


# --- what is seen --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [SERVER, f"{SERVER}/status"])
async def test_a_suspended_server_says_so(hers: Hers, path: str) -> None:
    await hers.stands(DOWN)
    await hers.settle()
    found = (await hers.caller.get(path)).body
    assert (found["status"], found["suspended"], found["serverBillingState"]) == ("suspended", True, DOWN)
    assert (found["connection"]["state"], found["connection"]["connectable"]) == ("suspended", False)


async def test_the_list_follows_the_standing(hers: Hers) -> None:
    async def listed() -> tuple[str, bool]:
        found = (await hers.caller.get("/api/servers")).body["servers"][0]
        return found["status"], found["suspended"]

    before = await listed()
    await hers.stands(DOWN)
    assert await listed() == ("suspended", True)
    await hers.stands("allowed")
    assert await listed() == before == ("running", False)


# --- by hand -------------------------------------------------------------------------------------


async def test_a_payment_does_not_lift_a_suspension_by_hand(hers: Hers, root: Caller) -> None:
    users = f"/api/admin/users/{hers.user_id}"
    assert (await root.post(f"{users}/suspend", {"reason": "abuse"})).status == 200
    await hers.stands("allowed", billing_status="active")
    await hers.settle()
    assert hers.power == "stopped"
    lifted = await root.post(f"{users}/unsuspend")
    await hers.settle()
    assert (lifted.body["standing"]["suspendedByHand"], hers.power) == (False, "running")
    actions = await hers.rows("select action from audit_log where action like 'user.%suspend' order by id")
    assert actions == [("user.suspend",), ("user.unsuspend",)]


async def test_lifting_a_suspension_by_hand_leaves_billing_s(hers: Hers, root: Caller) -> None:
    await hers.stands(DOWN)
    await root.post(f"/api/admin/users/{hers.user_id}/suspend", {"reason": "abuse"})
    await root.post(f"/api/admin/users/{hers.user_id}/unsuspend")
    assert (await hers.view())["suspended"] is True


async def test_who_can_be_suspended_and_by_whom(hers: Hers, root: Caller) -> None:
    me = (await root.get("/api/auth/me")).body["user"]["id"]
    body = {"reason": "abuse"}
    assert (await root.post(f"/api/admin/users/{me}/suspend", body)).body["error"] == "administrator_exempt"
    assert (await root.post("/api/admin/users/usr_none/suspend", body)).status == 404
    assert (await root.post(f"/api/admin/users/{hers.user_id}/suspend", {"reason": " "})).status == 400
    assert (await hers.caller.post(f"/api/admin/users/{hers.user_id}/suspend", body)).status == 403


def test_a_host_operation_that_fails_again_and_again_is_begun_ever_more_seldom() -> None:
    failed = {"operation": "host-stop", "operation_status": "failed", "operation_ended": LONG_AGO}
    moves = [next_move(server(**failed, failures=n), running=True, now=NOW) for n in range(6)]
    assert moves == ["stop", "stop", "stop", "stop", None, None]
    assert pause_after(1000) == timedelta(hours=1)


async def test_failures_in_a_row_are_counted(hers: Hers) -> None:
    await hers.stands("suspended_shutdown")
    end = "update operations set status = 'failed', finished_at = now() - interval '5 minutes' returning id"
    for _ in range(3):
        await hers.reconciler.tick()
        for (operation_id,) in await hers.rows(end):
            await hers.world.stores.running.release(5000, operation_id)
    assert await hers.rows("select failures from suspended_servers") == [(2,)]


# --- what is decided -------------------------------------------------------------------------------

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATELY, LONG_AGO = NOW - timedelta(seconds=5), NOW - timedelta(minutes=5)


def server(**facts: Any) -> Concerned:
    known: dict[str, Any] = {
        "vmid": 5000, "owner": "u", "hostname": NAME, "suspended": True, "on_edge": False, "off_edge": True,
        "kept": True, "was_running": True, "busy": False, "operation": None, "operation_status": None,
        "operation_ended": None,
    }  # fmt: skip
    return Concerned(**(known | facts))


@pytest.mark.parametrize(
    ("facts", "running", "move"),
    [
        ({}, True, "stop"),
        ({}, False, None),
        ({"busy": True}, True, None),
        ({"operation": "host-stop", "operation_status": "failed", "operation_ended": LATELY}, True, None),
        ({"operation": "host-stop", "operation_status": "failed", "operation_ended": LONG_AGO}, True, "stop"),
        ({"suspended": False}, False, "start"),
        ({"suspended": False, "busy": True}, False, None),
        ({"suspended": False, "was_running": False}, False, "forget"),
        ({"suspended": False, "operation": "host-stop", "operation_status": "succeeded"}, False, "start"),
        ({"suspended": False, "operation": "host-start", "operation_status": "succeeded"}, True, "forget"),
        (
            {
                "suspended": False,
                "operation": "host-start",
                "operation_status": "failed",
                "operation_ended": LATELY,
            },
            False,
            None,
        ),
    ],
)
def test_the_next_move(facts: dict[str, Any], running: bool, move: str | None) -> None:
    assert next_move(server(**facts), running=running, now=NOW) == move
