"""Provisioning a dev container (contract §4.10): the runtime, the workspace, what status and ready say."""

from __future__ import annotations

import asyncio
import pwd
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.dev.stand import NODE, program, runtime, stand
from tests.support.sockets import Viewer

from zpack.agent.dev.workspace import Workspace
from zpack.agent.runtime.user import WorkloadUser
from zpack.agent.settings import Dev

if TYPE_CHECKING:
    from tests.agent.bench import StoreServer
    from tests.agent.dev.stand import Stand


async def test_a_runtime_is_installed_run_once_and_called_current(dev: Stand) -> None:
    assert await dev.configure() == (202, {"ok": True, "state": "installing"})
    await dev.client.reaches("running")
    assert (dev.runtimes / "node" / "current").readlink().name == "24"
    said = await asyncio.create_subprocess_exec(
        dev.runtimes / "node" / "current" / "bin" / "node", stdout=asyncio.subprocess.PIPE
    )
    assert (await said.communicate())[0] == b"v24.0.0\n"
    assert (dev.home / "workspace").is_dir()


async def test_status_tells_a_dev_container_s_own(dev: Stand) -> None:
    status = await dev.provisioned(memory_mb=1024)
    assert status["provisioningComplete"]
    assert status["processRunning"] is None
    assert (status["codeServerRequested"], status["codeServerInstalled"]) == (False, False)
    assert status["config"] == {
        "vmid": 6001, "container_type": "dev", "runtime": "node", "version": "24", "memory_mb": 1024,
        "enable_code_server": False, "addons": [],
    }  # fmt: skip


async def test_ready_is_503_until_the_runtime_is_there(dev: Stand) -> None:
    dev.store.hold = asyncio.Event()
    await dev.configure()
    code, body = await dev.client.get("/ready")
    assert (code, body["ready"]) == (503, False)
    dev.store.hold.set()
    await dev.client.reaches("running")
    code, body = await dev.client.get("/ready")
    assert (code, body["ready"], body["readySource"]) == (200, True, "runtime")


async def test_a_runtime_that_vanished_is_not_ready(dev: Stand) -> None:
    await dev.provisioned()
    (dev.runtimes / "node" / "24" / "bin" / "node").unlink()
    code, body = await dev.client.get("/ready")
    assert (code, body["readyError"]) == (503, "node 24 is gone")


async def test_another_version_becomes_current_and_the_old_one_stays(dev: Stand) -> None:
    await dev.provisioned()
    await dev.provisioned(version="22")
    assert (dev.runtimes / "node" / "current").readlink().name == "22"
    assert (dev.runtimes / "node" / "24" / "bin" / "node").is_file()


async def test_what_stands_is_not_fetched_again(dev: Stand) -> None:
    await dev.provisioned()
    await dev.provisioned(memory_mb=2048)
    assert dev.store.asked.count(NODE) == 1


async def test_a_new_archive_of_the_same_version_is_installed(dev: Stand) -> None:
    await dev.provisioned()
    dev.store.put(NODE, runtime("v24.0.1"))
    await dev.provisioned(memory_mb=2048)
    assert (dev.runtimes / "node" / "24" / "bin" / "node").read_bytes() == program("v24.0.1")


async def test_the_same_payload_again_changes_nothing(dev: Stand) -> None:
    await dev.provisioned()
    dev.store.asked.clear()
    assert await dev.configure() == (202, {"ok": True, "state": "running"})
    assert dev.store.asked == []


async def test_an_archive_elsewhere_is_taken_when_the_payload_says_so(dev: Stand) -> None:
    dev.store.put("own/node.tar.gz", runtime("v24-own"))
    await dev.provisioned(artifact_path="own/node.tar.gz")
    assert (dev.runtimes / "node" / "24" / "bin" / "node").read_bytes() == program("v24-own")


@pytest.mark.parametrize(
    "changes",
    [
        {"runtime": "../node"}, {"runtime": ""}, {"runtime": "Node"}, {"version": "../24"}, {"version": None},
        {"version": "24/../../x"}, {"memory_mb": 1}, {"memory_mb": "512"}, {"addons": "codeserver"},
        {"addons": ["rootkit"]}, {"addons": [["codeserver"]]}, {"enable_code_server": "yes"},
        {"artifact_path": "../../etc/passwd"}, {"artifact_path": "/etc/passwd"}, {"vmid": 0},
        {"agent_token": "short"},
    ],
)  # fmt: skip
async def test_a_payload_that_is_none_is_refused(dev: Stand, changes: dict[str, Any]) -> None:
    code, body = await dev.configure(**changes)
    assert (code, body["error"]) == (400, "invalid_payload")
    assert (await dev.client.status())["config"] is None


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
async def test_a_dev_container_has_no_game_to_drive(dev: Stand, verb: str) -> None:
    await dev.provisioned()
    code, body = await dev.client.post(f"/{verb}")
    assert (code, body["error"]) == (400, "wrong_container_type")
    assert (await dev.client.get("/game/players"))[0] == 400


async def test_a_game_container_does_not_become_a_dev_container(dev: Stand) -> None:
    game = dev.client.payload(variant="scripted")
    assert (await dev.client.post("/config", game))[0] == 202
    await dev.client.reaches("error")  # this store has no game
    code, body = await dev.configure()
    assert (code, body["error"]) == (409, "wrong_container_type")
    code, body = await dev.ide("start")
    assert (code, body["error"]) == (400, "wrong_container_type")


async def test_a_dev_container_does_not_become_a_game_container(dev: Stand) -> None:
    await dev.provisioned()
    code, body = await dev.client.post("/config", dev.client.payload(variant="scripted"))
    assert (code, body["error"]) == (409, "wrong_container_type")
    assert (await dev.client.status())["config"]["container_type"] == "dev"


async def test_another_payload_while_one_is_provisioned_is_a_conflict(dev: Stand) -> None:
    dev.store.hold = asyncio.Event()
    await dev.configure()
    code, body = await dev.configure(version="22")
    assert (code, body["error"]) == (409, "operation_in_progress")
    dev.store.hold.set()
    assert (await dev.client.reaches("running"))["config"]["version"] == "24"


async def test_the_token_is_taken_and_never_shown(dev: Stand) -> None:
    token = "a-token-of-this-instance"
    await dev.configure(agent_token=token)
    assert (await dev.client.get("/status"))[0] == 401
    assert (await dev.client.post("/dev/codeserver/start"))[0] == 401
    dev.client.token = token
    assert token not in str(await dev.client.reaches("running"))


async def test_a_new_agent_finds_what_the_last_one_provisioned(tmp_path: Path, store: StoreServer) -> None:
    async with stand(tmp_path, store) as dev:
        await dev.provisioned()
    store.asked.clear()
    async with stand(tmp_path, store) as dev:
        assert (await dev.client.reaches("running"))["ready"]
    assert store.asked == []


async def test_a_new_agent_finishes_an_interrupted_provisioning(tmp_path: Path, store: StoreServer) -> None:
    store.hold = asyncio.Event()
    async with stand(tmp_path, store) as dev:
        await dev.configure()
    store.hold = None
    async with stand(tmp_path, store) as dev:
        assert (await dev.client.reaches("running"))["provisioningComplete"]


async def test_the_shell_stands_in_the_workspace_and_finds_the_runtime(dev: Stand) -> None:
    await dev.provisioned()
    async with Viewer(f"{dev.client.url}/console/stream?serverId=6001") as viewer:
        await viewer.ask(input="echo at $(pwd) with $(node) as $USER\n")
        await viewer.until(f"at {dev.home}/workspace with v24.0.0 as nobody-of-this-name")


@pytest.mark.root
def test_a_home_that_the_account_cannot_reach_leaves_it_to_whom_the_agent_is() -> None:
    nobody = pwd.getpwnam("nobody")
    with TemporaryDirectory() as folder:  # pytest's own folders are closed further up
        shut = Path(folder)
        settings = Dev(home=shut / "dev", user="nobody", code_server_port=6000, code_server_seconds=1)
        place = Workspace(settings=settings, processes=10)
        assert place.user is None
        shut.chmod(0o711)
        assert place.user == WorkloadUser(nobody.pw_uid, nobody.pw_gid, 10)
