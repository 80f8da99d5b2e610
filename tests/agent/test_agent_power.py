"""``/config``, ``/start``, ``/stop``, ``/restart`` (contract §4.2), with a server that really runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest
from mcstatus import JavaServer
from tests.agent.bench import ARTIFACT, HOST, agent_here, alive, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import Client, StoreServer


async def test_config_installs_starts_and_a_foreign_client_can_ping(agent: Client) -> None:
    code, body = await agent.post("/config", agent.payload())
    assert (code, body) == (202, {"ok": True, "state": "installing"})
    status = await agent.reaches("running")
    assert status["processRunning"]
    assert status["ready"]
    assert status["readySource"] == "minecraft_ping"
    answer = await JavaServer(HOST, agent.port).async_status()
    assert answer.description == "mc-scripted-5001"


async def test_ready_is_503_with_a_reason_until_the_server_answers(agent: Client) -> None:
    code, body = await agent.get("/ready")
    assert code == 503
    assert body["ready"] is False
    assert body["readyError"]
    await agent.run()
    code, body = await agent.get("/ready")
    assert (code, body["ready"], body["readySource"]) == (200, True, "minecraft_ping")


async def test_health_is_ok_and_version_has_a_v(agent: Client) -> None:
    assert await agent.get("/health") == (200, "ok")
    _, version = await agent.get("/version")
    assert version["version"].startswith("v")
    _, update = await agent.get("/agent/update/status")
    assert update["currentVersion"] == version["version"]


async def test_stop_is_204_without_body_and_no_crash(agent: Client) -> None:
    await agent.run()
    pid = agent.game_pid()
    assert await agent.post("/stop") == (204, "")
    status = await agent.status()
    assert (status["state"], status["crashCount"], status["processRunning"]) == ("idle", 0, False)
    assert not alive(pid)


async def test_stop_again_is_harmless(agent: Client) -> None:
    assert await agent.post("/stop") == (204, "")


async def test_a_disk_that_refuses_does_not_keep_it_from_stopping(agent: Client) -> None:
    await agent.run()
    shutil.rmtree(agent.home / "state")
    (agent.home / "state").write_text("in the way")
    assert await agent.post("/stop") == (204, "")
    assert (await agent.status())["state"] == "idle"
    assert (await agent.post("/start"))[0] == 200  # and no operation is left locked


async def test_start_needs_a_configuration(agent: Client) -> None:
    code, body = await agent.post("/start")
    assert (code, body["error"]) == (409, "not_configured")
    assert (await agent.post("/restart"))[0] == 409


@pytest.mark.seed("S70")
async def test_start_after_stop_installs_nothing_again(agent: Client, store: StoreServer) -> None:
    await agent.run()
    await agent.post("/stop")
    asked = len(store.asked)
    assert await agent.post("/start") == (200, {"ok": True, "state": "starting"})
    await agent.reaches("running")
    assert len(store.asked) == asked


async def test_start_while_running_changes_nothing(agent: Client) -> None:
    await agent.run()
    pid = agent.game_pid()
    assert await agent.post("/start") == (200, {"ok": True, "state": "running"})
    assert agent.game_pid() == pid


async def test_restart_is_another_process_and_no_crash(agent: Client) -> None:
    await agent.run()
    before = agent.game_pid()
    assert await agent.post("/restart") == (200, {"ok": True, "state": "starting"})
    status = await agent.reaches("running")
    assert status["crashCount"] == 0
    assert agent.game_pid() != before
    assert not alive(before)


async def test_the_same_config_again_changes_nothing(agent: Client, store: StoreServer) -> None:
    await agent.run()
    pid, asked = agent.game_pid(), len(store.asked)
    code, body = await agent.post("/config", agent.payload())
    assert (code, body["state"]) == (202, "running")
    assert (agent.game_pid(), len(store.asked)) == (pid, asked)


async def test_another_config_replaces_the_server(agent: Client) -> None:
    await agent.run()
    before = agent.game_pid()
    await agent.run(world="second", memory_mb=600)
    assert not alive(before)
    assert (agent.root / "minecraft" / "scripted" / "second" / "server.py").is_file()


async def test_conflicting_actions_are_409_while_installing(agent: Client, store: StoreServer) -> None:
    store.hold = asyncio.Event()
    await agent.post("/config", agent.payload())
    for path, body in (
        ("/start", None),
        ("/restart", None),
        ("/stop", None),
        ("/config", agent.payload(memory_mb=600)),
    ):
        code, answer = await agent.post(path, body)
        assert (code, answer["error"]) == (409, "operation_in_progress"), path
    status = await agent.status()
    assert (status["operationInProgress"], status["operationType"]) == (True, "config")
    store.hold.set()
    await agent.reaches("running")


async def test_stop_takes_over_from_a_start_that_waits(agent: Client) -> None:
    agent.behave(deaf=True)
    await agent.post("/config", agent.payload())

    async def starting() -> bool:
        return (await agent.status())["processRunning"]

    await eventually(starting)
    assert (await agent.post("/restart"))[0] == 409
    assert await agent.post("/stop") == (204, "")
    assert (await agent.status())["state"] == "idle"


async def test_a_server_that_ignores_stop_is_killed_with_its_family(
    tmp_path: Path, store: StoreServer
) -> None:
    async with agent_here(tmp_path, store, ZLH_AGENT_STOP_SECONDS="0.3") as agent:
        agent.behave(ignore_stop=True)
        await agent.run()
        pid = agent.game_pid()
        await agent.post("/stop")
        assert not alive(pid)
        assert (await agent.status())["crashCount"] == 0


async def test_never_ready_is_an_error_with_the_reason(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store, ZLH_AGENT_READY_SECONDS="0.3") as agent:
        agent.behave(deaf=True)
        await agent.post("/config", agent.payload())
        status = await agent.reaches("error")
        assert "not ready within 0.3 s" in status["error"]
        assert not status["processRunning"]
        assert (await agent.get("/ready"))[1]["readyError"] == status["error"]


async def test_garbage_on_the_game_port_is_not_readiness(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store, ZLH_AGENT_READY_SECONDS="0.5") as agent:
        agent.behave(garbage="ffffffffffff")
        await agent.post("/config", agent.payload())
        assert "no Minecraft server answers" in (await agent.reaches("error"))["error"]


async def test_start_heals_after_a_failed_start(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store, ZLH_AGENT_READY_SECONDS="5") as agent:
        store.sums.pop(ARTIFACT)
        await agent.post("/config", agent.payload())
        await agent.reaches("error")
        store.put(ARTIFACT, store.files[ARTIFACT])
        await agent.post("/start")
        assert (await agent.reaches("running"))["error"] is None


async def test_a_hung_server_is_not_ready_but_keeps_running(agent: Client) -> None:
    await agent.run()
    os.kill(agent.game_pid(), signal.SIGSTOP)

    async def lost() -> bool:
        return (await agent.get("/ready"))[0] == 503

    await eventually(lost, seconds=30)
    assert (await agent.status())["state"] == "running"
    os.kill(agent.game_pid(), signal.SIGCONT)


async def test_agents_end_keeps_the_wish_and_autostarts(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store) as agent:
        await agent.run()
    store.asked.clear()
    async with agent_here(tmp_path, store) as agent:
        status = await agent.reaches("running")
        assert status["config"]["vmid"] == 5001
        assert store.asked == []


async def test_a_stopped_server_stays_stopped_over_the_agents_end(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store) as agent:
        await agent.run()
        await agent.post("/stop")
    async with agent_here(tmp_path, store) as agent:
        assert (await agent.status())["state"] == "idle"


async def test_an_interrupted_installation_is_finished_at_the_next_start(
    tmp_path: Path, store: StoreServer
) -> None:
    store.hold = asyncio.Event()
    async with agent_here(tmp_path, store) as agent:
        await agent.post("/config", agent.payload())

        async def downloading() -> bool:
            return ARTIFACT in store.asked

        await eventually(downloading)
    store.hold.set()
    async with agent_here(tmp_path, store) as agent:
        await agent.reaches("running")
