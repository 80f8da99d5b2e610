"""The IDE's power (contract §4.10): installed once, supervised, ended gently, found again by the next agent."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tests.agent.bench import HOST, alive, eventually, serving
from tests.agent.dev.stand import IDE_PATH, ide, ide_path, stand
from tests.support.ports import free_port

from zpack.agent.dev.health import ask_health
from zpack.agent.status.ping import PingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent.bench import StoreServer
    from tests.agent.dev.stand import Stand

WITH_IDE = {"enable_code_server": True}


async def gone(pid: int) -> None:
    async def ended() -> bool:
        return not alive(pid)

    await eventually(ended)


@pytest.mark.parametrize("wish", [{"enable_code_server": True}, {"addons": ["codeserver"]}])
async def test_a_container_that_asks_for_the_ide_gets_it_running(dev: Stand, wish: dict[str, object]) -> None:
    status = await dev.provisioned(**wish)
    assert (status["codeServerInstalled"], status["codeServerRunning"]) == (True, True)
    assert (status["codeServerVersion"], status["processRunning"]) == ("4.139.1", True)
    code, ready = await dev.client.get("/ready")
    assert (code, ready["readySource"]) == (200, "code_server_healthz")
    assert (await dev.healthz())["status"] == "expired"


async def test_it_is_started_as_it_must_be(dev: Stand) -> None:
    await dev.provisioned(**WITH_IDE)
    argv = dev.seen()["argv"]
    port = dev.ide_url.rpartition(":")[2]
    assert argv[2:6] == ["--auth", "none", "--bind-addr", f"{HOST}:{port}"]
    assert argv[6:9] == ["--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"]
    assert argv[-1] == dev.seen()["cwd"] == str(dev.home / "workspace")
    assert "proxy-domain" not in " ".join(argv) + Path(argv[1]).read_text()


async def test_it_gets_the_runtime_and_nothing_of_the_agent_s(dev: Stand) -> None:
    await dev.provisioned(**WITH_IDE)
    env = dev.seen()["env"]
    assert env["PATH"].split(":")[0] == str(dev.runtimes / "node" / "current" / "bin")
    assert (env["HOME"], env["RUNTIME_VERSION"]) == (str(dev.home), "24")
    assert not [name for name in env if name.startswith(("ZLH_", "ARTIFACT_"))]


async def test_stop_and_start_never_install_again(dev: Stand) -> None:
    await dev.provisioned(**WITH_IDE)
    dev.store.asked.clear()
    pid = dev.ide_pid()
    assert await dev.ide("stop") == (200, {"ok": True, "state": "idle"})
    assert not alive(pid)
    assert (await dev.client.get("/ready"))[1]["readyError"] == "code-server is stopped"
    assert await dev.ide("start") == (200, {"ok": True, "state": "starting"})
    assert (await dev.ide_is("running"))["ready"]
    assert dev.store.asked == []


async def test_restart_is_another_process(dev: Stand) -> None:
    await dev.provisioned(**WITH_IDE)
    before = dev.ide_pid()
    assert await dev.ide("restart") == (200, {"ok": True, "state": "starting"})
    await dev.ide_is("running")
    assert dev.ide_pid() != before
    assert not alive(before)


async def test_start_of_a_running_one_changes_nothing(dev: Stand) -> None:
    await dev.provisioned(**WITH_IDE)
    before = dev.ide_pid()
    assert await dev.ide("start") == (200, {"ok": True, "state": "running"})
    assert dev.ide_pid() == before
    assert (await dev.client.status())["operationInProgress"] is False


async def test_stop_again_is_harmless(dev: Stand) -> None:
    await dev.provisioned(**WITH_IDE)
    for _ in range(2):
        assert (await dev.ide("stop"))[0] == 200


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
async def test_without_the_ide_there_is_nothing_to_drive(dev: Stand, verb: str) -> None:
    code, body = await dev.ide(verb)
    assert (code, body["error"]) == (409, "not_configured")
    await dev.provisioned()
    code, body = await dev.ide(verb)
    assert (code, body["error"]) == (409, "codeserver_not_installed")
    assert (await dev.client.status())["operationInProgress"] is False


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
async def test_while_it_is_provisioned_it_cannot_be_driven(dev: Stand, verb: str) -> None:
    dev.store.hold = asyncio.Event()
    await dev.configure(**WITH_IDE)
    code, body = await dev.ide(verb)
    assert (code, body["error"]) == (409, "operation_in_progress")
    dev.store.hold.set()
    await dev.client.reaches("running")


async def test_a_stop_does_not_wait_for_a_start(dev: Stand) -> None:
    await dev.provisioned(**WITH_IDE)
    dev.behave(status=503)
    await dev.ide("restart")
    await eventually(lambda: waits_for_health(dev))
    code, body = await dev.ide("restart")
    assert (code, body["error"]) == (409, "operation_in_progress")
    assert (await dev.ide("stop"))[0] == 200
    assert (await dev.ide_is("idle"))["running"] is False


async def waits_for_health(dev: Stand) -> bool:
    status = await dev.client.status()
    return status["operationMessage"] == "waiting until code-server answers"


async def test_a_get_changes_nothing(dev: Stand) -> None:
    await dev.provisioned(**WITH_IDE)
    for verb in ("start", "stop", "restart"):
        assert (await dev.client.get(f"/dev/codeserver/{verb}"))[0] == 405


async def test_a_killed_ide_comes_back_and_is_counted(dev: Stand) -> None:
    await dev.provisioned(**WITH_IDE)
    before = dev.ide_pid()
    os.kill(before, signal.SIGKILL)

    async def back() -> bool:
        status = await dev.client.status()
        return status["crashCount"] == 1 and status["ready"] and dev.ide_pid() not in {0, before}

    await eventually(back)
    status = await dev.client.status()
    assert (status["lastCrashSignal"], status["state"]) == (9, "running")
    assert "IDE listens" in status["lastCrashLogTail"]


async def test_an_ide_that_ends_fails_the_provisioning(tmp_path: Path, store: StoreServer) -> None:
    async with stand(tmp_path, store, ZLH_AGENT_BACKOFF_SECONDS="0") as dev:
        dev.behave(refuse=4)
        status = await dev.failed(**WITH_IDE)
        assert status["provisioningErrorCode"] == "codeserver_failed"
        assert "exit code 4" in status["error"]
        assert (await dev.client.get("/ready"))[0] == 503


async def test_an_ide_that_never_serves_fails_the_provisioning(tmp_path: Path, store: StoreServer) -> None:
    async with stand(tmp_path, store, ZLH_CODE_SERVER_SECONDS="0.5") as dev:
        dev.behave(status=500)
        status = await dev.failed(**WITH_IDE)
        assert status["provisioningErrorCode"] == "codeserver_failed"
        assert not status["codeServerRunning"]


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b'{"status": "alive"}'), (200, b'{"status": "no"}'), (200, b'["alive"]'), (200, b"alive"), (200, b""),
     (200, b"[" * 3000), (200, b'{"status": ["alive"]}'), (200, b'{"status": "alive"}' + b" " * 9000),
     (302, b'{"status": "alive"}')],
)  # fmt: skip
async def test_whatever_else_answers_there_is_no_health(status: int, body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with serving(app) as url:
        with pytest.raises(PingError, match="no health"):
            await ask_health(HOST, int(url.rpartition(":")[2]))


async def test_one_that_is_deaf_is_killed(tmp_path: Path, store: StoreServer) -> None:
    async with stand(tmp_path, store, ZLH_AGENT_STOP_SECONDS="0.2") as dev:
        dev.behave(deaf=True)
        await dev.provisioned(**WITH_IDE)
        pid = dev.ide_pid()
        assert (await dev.ide("stop"))[0] == 200
        assert not alive(pid)


async def test_what_it_started_ends_with_it(dev: Stand) -> None:
    dev.behave(child=True)
    await dev.provisioned(**WITH_IDE)
    child = int((dev.home / "child.pid").read_text())
    await dev.ide("stop")
    await gone(child)


async def test_a_port_that_is_taken_is_told(tmp_path: Path, store: StoreServer) -> None:
    async with stand(tmp_path, store, ZLH_AGENT_BACKOFF_SECONDS="0") as dev:
        other = await asyncio.start_server(lambda _r, w: w.close(), HOST, int(dev.ide_url.rpartition(":")[2]))
        async with other:
            status = await dev.failed(**WITH_IDE)
        assert "Address already in use" in "\n".join(status["lastCrashLogTail"])


async def test_a_newer_version_in_the_store_is_installed_with_the_next_configuration(dev: Stand) -> None:
    await dev.provisioned(**WITH_IDE)
    dev.store.put(ide_path("4.140.0"), dev.store.files[IDE_PATH])
    assert (await dev.provisioned(**WITH_IDE, memory_mb=2048))["codeServerVersion"] == "4.139.1"
    dev.store.put(ide_path("4.140.1"), dev.store.files[IDE_PATH] + b"\0" * 512)
    assert (await dev.provisioned(**WITH_IDE, memory_mb=4096))["codeServerVersion"] == "4.140.1"


async def test_a_killed_agent_takes_nobody_s_editor_away(tmp_path: Path, store: StoreServer) -> None:
    port = free_port()
    async with stand(tmp_path, store, beside=True, port=port) as dev:
        await dev.provisioned(**WITH_IDE)
        pid = dev.ide_pid()
        await dev.client.killed()
        assert (await dev.healthz())["status"] == "expired"
    async with stand(tmp_path, store, beside=True, port=port) as dev:
        status = await dev.client.reaches("running")
        assert (dev.ide_pid(), status["codeServerRunning"], status["ready"]) == (pid, True, True)
        assert (await dev.ide("stop"))[0] == 200
        assert not alive(pid)


async def test_an_adopted_ide_is_supervised_like_any(tmp_path: Path, store: StoreServer) -> None:
    port = free_port()
    async with stand(tmp_path, store, beside=True, port=port) as dev:
        await dev.provisioned(**WITH_IDE)
        await dev.client.killed()
        pid = dev.ide_pid()
    async with stand(tmp_path, store, beside=True, port=port) as dev:
        await dev.client.reaches("running")
        os.kill(pid, signal.SIGKILL)

        async def back() -> bool:
            return dev.ide_pid() not in {0, pid} and (await dev.client.status())["ready"]

        await eventually(back)


async def test_an_ide_whose_keeper_is_lost_is_replaced(tmp_path: Path, store: StoreServer) -> None:
    port = free_port()
    async with stand(tmp_path, store, beside=True, port=port) as dev:
        await dev.provisioned(**WITH_IDE)
        pid = dev.ide_pid()
        await dev.client.killed()
    (tmp_path / "home" / "run-code-server" / "keeper.sock").unlink()
    async with stand(tmp_path, store, beside=True, port=port) as dev:
        assert (await dev.client.reaches("running"))["ready"]
        assert dev.ide_pid() != pid
        assert not alive(pid)


async def test_an_agent_that_begins_anew_leaves_the_ide_alone(tmp_path: Path, store: StoreServer) -> None:
    port, own = free_port(), free_port()
    async with stand(tmp_path, store, beside=True, port=port, ZLH_AGENT_PORT=str(own)) as dev:
        await dev.provisioned(**WITH_IDE)
        pid = dev.ide_pid()
        assert dev.client.process
        assert dev.client.process.stdout
        dev.client.process.send_signal(signal.SIGHUP)
        await dev.client.process.stdout.readline()
        assert (await dev.client.reaches("running"))["ready"]
        assert dev.ide_pid() == pid
        assert (await dev.client.status())["crashCount"] == 0


async def test_an_agent_that_is_asked_to_end_ends_it_and_its_successor_starts_it(
    tmp_path: Path, store: StoreServer
) -> None:
    async with stand(tmp_path, store, beside=True) as dev:
        await dev.provisioned(**WITH_IDE)
        pid = dev.ide_pid()
    assert not alive(pid)
    async with stand(tmp_path, store) as dev:
        assert (await dev.client.reaches("running"))["ready"]


async def test_one_that_was_stopped_stays_stopped(tmp_path: Path, store: StoreServer) -> None:
    async with stand(tmp_path, store) as dev:
        await dev.provisioned(**WITH_IDE)
        await dev.ide("stop")
    async with stand(tmp_path, store) as dev:
        status = await dev.client.reaches("running")
        assert (status["codeServerRunning"], status["ready"]) == (False, False)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that other accounts may pass; pytest's own may not be."""
    with TemporaryDirectory(prefix="zpack-dev-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def test_it_runs_as_the_developer_s_account_when_the_agent_is_root(store: StoreServer) -> None:
    wanted = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    store.put(IDE_PATH, ide("/usr/bin/env python3"))  # the tests' own Python may be in root's home
    with open_folder() as tmp:
        async with stand(tmp, store, ZLH_DEV_USER="nobody") as dev:
            await dev.provisioned(**WITH_IDE)
            assert dev.seen()["uid"] == (dev.home / "workspace").stat().st_uid == wanted
