"""The IDE's power through the API, with a real agent behind it (contract §2.7, rows S96-S99)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.control.dev.conftest import VMID, insert, provision
from zpack.control.engine.shards import SHARDS
from zpack.control.heartbeat.poller import Heartbeat
from zpack.control.wiring import build_stores

if TYPE_CHECKING:
    from tests.agent.dev.stand import Stand
    from tests.support.http import Caller
    from zpack.control.wiring import Clients

PATH = f"/api/dev/{VMID}/codeserver"
VERBS = ["start", "stop", "restart"]


async def audited(clients: Clients) -> list[tuple[str, Any]]:
    async with clients.database.transaction() as session:
        found = await session.execute(
            text("select action, payload from audit_log where action like 'codes%'")
        )
        return [(action, payload) for action, payload in found]


@pytest.mark.seed("S96", "S98")
async def test_stop_reaches_the_agent_and_is_audited(hers: Stand, ann: Caller, clients: Clients) -> None:
    reply = await ann.post(f"{PATH}/stop")
    assert (reply.status, reply.body) == (200, {"ok": True, "state": "idle"})
    assert (await hers.client.status())["codeServerRunning"] is False
    assert await audited(clients) == [("codeserver.stop", {"vmid": VMID})]


@pytest.mark.seed("S96", "S97")
async def test_start_reaches_the_agent(hers: Stand, ann: Caller) -> None:
    await ann.post(f"{PATH}/stop")
    assert (await ann.post(f"{PATH}/start")).body == {"ok": True, "state": "starting"}
    assert (await hers.ide_is("running"))["ready"]


@pytest.mark.seed("S96", "S99")
async def test_restart_reaches_the_agent(hers: Stand, ann: Caller) -> None:
    before = hers.ide_pid()
    assert (await ann.post(f"{PATH}/restart")).body == {"ok": True, "state": "starting"}
    await hers.ide_is("running")
    assert hers.ide_pid() != before


@pytest.mark.parametrize("verb", VERBS)
async def test_another_s_ide_is_not_there(hers: Stand, bob: Caller, anyone: Caller, verb: str) -> None:
    before = hers.ide_pid()
    assert (await bob.post(f"{PATH}/{verb}")).status == 404
    assert (await anyone.post(f"{PATH}/{verb}")).status == 401
    assert (hers.ide_pid(), (await hers.client.status())["codeServerRunning"]) == (before, True)


@pytest.mark.parametrize("verb", VERBS)
async def test_an_agent_s_no_keeps_its_status_and_body(
    clients: Clients, dev: Stand, ann: Caller, ann_id: str, verb: str
) -> None:
    await insert(clients, ann_id)
    await provision(clients, dev)
    reply = await ann.post(f"{PATH}/{verb}")
    assert (reply.status, reply.body["error"]) == (409, f"Agent codeserver {verb} failed")
    assert reply.body["details"]["error"] == "codeserver_not_installed"


async def test_a_game_container_has_no_ide(clients: Clients, dev: Stand, ann: Caller, ann_id: str) -> None:
    assert dev.client.token is None
    await insert(clients, ann_id, vmid=5001, ctype="game", hostname="mc-paper-5001")
    reply = await ann.post("/api/dev/5001/codeserver/start")
    assert (reply.status, reply.body["error"]) == (400, "wrong_container_type")


async def test_without_an_address_nobody_is_asked(
    clients: Clients, dev: Stand, ann: Caller, ann_id: str
) -> None:
    assert dev.client.token is None
    await insert(clients, ann_id, ip=None)
    reply = await ann.post(f"{PATH}/start")
    assert (reply.status, reply.body["error"]) == (400, "Server does not have an IP address yet")
    assert await audited(clients) == []


async def test_an_agent_that_is_away_is_a_bad_gateway(
    clients: Clients, dev: Stand, ann: Caller, ann_id: str
) -> None:
    assert dev.client.token is None
    await insert(clients, ann_id, ip="127.80.255.254")
    assert (await ann.post(f"{PATH}/start")).status == 502


@pytest.mark.parametrize("path", ["kill", "start/", "status"])
async def test_there_are_no_other_verbs(hers: Stand, ann: Caller, path: str) -> None:
    before = hers.ide_pid()
    assert (await ann.post(f"{PATH}/{path}", allow_redirects=False)).status in {307, 400, 404}
    assert (await ann.get(f"{PATH}/start")).status == 405
    assert hers.ide_pid() == before


def heartbeat(clients: Clients) -> Heartbeat:
    stores = build_stores(clients)
    return Heartbeat(
        database=clients.database,
        agents=clients.agents,
        polls=clients.polls,
        words=stores.words,
        changes=stores.changes,
        shards=lambda: range(SHARDS),
        every=5.0,
    )


async def test_a_dev_container_is_polled_and_shown_like_any(
    hers: Stand, ann: Caller, clients: Clients
) -> None:
    await heartbeat(clients).tick()
    shown = (await ann.get("/api/servers")).body["servers"][0]
    assert (shown["category"], shown["runtime"], shown["flavor"]) == ("DEV", "node", "node")
    assert (shown["status"], shown["ready"], shown["agentReady"]) == ("running", True, True)
    status = (await ann.get(f"/api/servers/{VMID}/status")).body
    assert (status["codeServerRunning"], status["readySource"]) == (True, "code_server_healthz")
    assert hers.client.token not in str(status)


async def test_one_without_an_ide_is_ready_by_its_runtime(
    clients: Clients, dev: Stand, ann: Caller, ann_id: str
) -> None:
    await insert(clients, ann_id)
    await provision(clients, dev)
    await heartbeat(clients).tick()
    status = (await ann.get(f"/api/servers/{VMID}/status")).body
    assert (status["ready"], status["readySource"], status["processRunning"]) == (True, "runtime", None)


async def test_a_failed_provisioning_is_told(clients: Clients, dev: Stand, ann: Caller, ann_id: str) -> None:
    await insert(clients, ann_id)
    await provision(clients, dev, "error", runtime="ruby", version="3")
    await heartbeat(clients).tick()
    status = (await ann.get(f"/api/servers/{VMID}/status")).body
    assert (status["ready"], status["provisioningErrorCode"]) == (False, "unknown_runtime")
