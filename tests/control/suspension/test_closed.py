"""What a suspended owner may still do and what not, at every door; channels that are open then end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.control.provisioning.test_provisioning_routes import WANTED
from tests.control.suspension.standing import SERVER, Hers
from tests.support.slowness import slowness
from tests.support.sockets import Viewer, refused
from tests.support.waiting import eventually
from zpack.control.entitlements.models import CLOSED
from zpack.wire.console import PROTOCOLS

if TYPE_CHECKING:
    from tests.support.http import Caller
    from zpack.control.worker import Worker

DOWN = "suspended_shutdown"
FILES = f"{SERVER}/files"
SHUT: dict[tuple[str, str], Any] = {
    ("POST", "/api/instances"): WANTED,
    ("POST", f"{SERVER}/host/start"): None,
    ("POST", f"{SERVER}/host/restart"): None,
    ("POST", f"{SERVER}/game/start"): None,
    ("POST", f"{SERVER}/game/restart"): None,
    ("POST", f"{SERVER}/console/command"): {"command": "list"},
    ("POST", f"{SERVER}/console/ticket"): None,
    ("POST", f"{SERVER}/backups"): None,
    ("POST", f"{SERVER}/backups/restore?id=b1"): None,
    ("PUT", f"{FILES}?path=a"): {},
    ("DELETE", f"{FILES}?path=a"): None,
    ("POST", f"{FILES}/revert?path=a"): None,
    ("POST", f"{FILES}/upload?path=a"): {},
    ("POST", f"{SERVER}/mods/install"): {"project": "sodium"},
    ("PATCH", f"{SERVER}/mods/a.jar"): {"enabled": True},
    ("DELETE", f"{SERVER}/mods/a.jar"): None,
}
OPEN = [
    ("GET", "/api/auth/me"),
    ("GET", "/api/servers"),
    ("GET", SERVER),
    ("GET", f"{SERVER}/status"),
    ("GET", f"{SERVER}/host/status"),
    ("GET", f"{SERVER}/console/log"),
    ("GET", f"{SERVER}/backups"),
    ("DELETE", f"{SERVER}/backups/b1"),
    ("GET", f"{FILES}/list"),
    ("GET", f"{FILES}/download?path=a"),
    ("POST", f"{SERVER}/game/stop"),
    ("POST", f"{SERVER}/host/stop"),
]


async def test_a_suspended_owner_starts_and_changes_nothing(hers: Hers, root: Caller) -> None:
    await hers.stands(DOWN)
    hers.world.scripts.calls.clear()
    for (method, path), body in SHUT.items():
        reply = await hers.caller.call(method, path, body)
        assert (reply.status, reply.body["error"]) == (403, "account_suspended"), (method, path, reply)
        if path != "/api/instances":
            by_root = await root.call(method, path, body)
            assert (by_root.status, by_root.body["error"]) == (403, "account_suspended"), (method, path)
    assert hers.world.scripts.calls == []


async def test_a_suspended_owner_sees_stops_and_leaves(hers: Hers) -> None:
    await hers.stands(DOWN)
    for method, path in OPEN:
        reply = await hers.caller.call(method, path)
        assert reply.status != 403, (method, path, reply)
    reply = await hers.caller.call("DELETE", "/api/containers/5000")
    assert reply.body["error"] == "container_running"


async def test_the_refusal_says_why_and_since_when(hers: Hers) -> None:
    await hers.stands(DOWN, billing_status="suspended", reason="unpaid for 7 days")
    details = (await hers.caller.post(f"{SERVER}/host/start")).body["details"]
    assert (details["billingStatus"], details["reason"]) == ("suspended", "unpaid for 7 days")
    assert details["since"]


async def test_another_s_server_is_not_there_before_it_is_suspended(hers: Hers, bob: Caller) -> None:
    await hers.stands(DOWN)
    assert (await bob.post(f"{SERVER}/host/start")).status == 404


async def test_blocked_backups_block_backups_and_new_servers_only(hers: Hers) -> None:
    await hers.stands("backup_blocked", billing_status="past_due")
    assert (await hers.caller.post(f"{SERVER}/backups")).body["error"] == "backup_blocked"
    assert (await hers.caller.post("/api/instances", WANTED)).body["error"] == "payment_required"
    assert (await hers.caller.post(f"{SERVER}/game/start")).status == 200


async def test_a_start_that_waits_is_refused_when_its_turn_comes(hers: Hers) -> None:
    operation = (await hers.caller.post(f"{SERVER}/host/restart")).body["operation"]["id"]
    await hers.stands(DOWN)
    start = hers.world.workflows["host-start"].steps[0]
    with pytest.raises(Exception, match="suspended"):
        await start.do({"vmid": 5000, "operation_id": operation, "customer_id": hers.user_id})


def test_nothing_but_backups_and_creating_is_closed_by_an_overdue_payment() -> None:
    closed = {doing for doing, states in CLOSED.items() if "backup_blocked" in states}
    assert closed == {"create", "backup"}
    assert all({DOWN, "retained"} <= states for states in CLOSED.values())


# --- channels ------------------------------------------------------------------------------------


async def talkative(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=PROTOCOLS, compress=False)
    await socket.prepare(request)
    await socket.send_str('{"seq":1,"line":"hello"}')
    async for _ in socket:
        pass
    return socket


async def test_an_open_console_ends_within_a_second(hers: Hers) -> None:
    hers.world.scripts.console = talkative
    headers = {"Authorization": f"Bearer {hers.caller.token}"}
    url = f"{hers.caller.base}{SERVER}/console/stream"
    async with Viewer(url, headers=headers) as viewer:
        await viewer.until("hello")
        await hers.stands(DOWN)
        began = time.monotonic()
        while await viewer.next():
            pass
    assert time.monotonic() - began < 1.0 * slowness()
    assert viewer.closed == (4403, "account_suspended")
    assert (await refused(url, headers=headers))[0] == 403


async def test_an_upload_under_way_ends(hers: Hers) -> None:
    taken = asyncio.Event()

    async def takes(request: web.Request) -> web.StreamResponse:
        async for _ in request.content.iter_any():
            taken.set()
        return web.json_response({})

    async def endless() -> Any:
        while True:
            yield b"x" * 1024
            await asyncio.sleep(0.02)

    hers.world.scripts.special["/game/files/upload"] = takes
    sending = asyncio.create_task(hers.caller.call("POST", f"{FILES}/upload?path=a", data=endless()))
    await eventually(taken.is_set, what="the upload")
    await hers.stands(DOWN)
    reply = await asyncio.wait_for(sending, 10)
    assert (reply.status, reply.body["error"]) == (403, "access_revoked")


async def test_a_retry_of_a_failed_start_is_refused(hers: Hers, worker: Worker) -> None:
    assert worker.alive
    hers.world.cluster.ct(5000).status = "stopped"
    hers.world.cluster.ct(5000).start_error = "no space left"
    operation = (await hers.caller.post(f"{SERVER}/host/start")).body["operation"]["id"]
    url = f"/api/operations/{operation}"
    await eventually(lambda: _failed_with(hers, url, "upstream_failed"), what="the failure")
    hers.world.cluster.ct(5000).start_error = None
    await hers.stands(DOWN)
    assert (await hers.caller.post(f"{url}/retry")).status in {200, 202}
    await eventually(lambda: _failed_with(hers, url, "account_suspended"), what="the refusal")
    assert hers.power == "stopped"


async def _failed_with(hers: Hers, url: str, code: str) -> bool:
    found = (await hers.caller.get(url)).body["operation"]
    return found["status"] == "failed" and found["error"]["code"] == code
