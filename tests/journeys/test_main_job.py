"""The main job, as a person does it: ``zpack up``, curl, a status ping, and bots that join by host name."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.agent.bench import tarball
from tests.node.bots.installed import installed_bots
from tests.support.platform import Platform
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="module")]
BODY = {
    "container_type": "game",
    "game": "minecraft",
    "variant": "flying-squid",
    "memoryMiB": 512,
    "cpuCores": 1,
}
PHASES = [
    "allocate-vmid", "clone-container", "configure-container", "start-container", "wait-for-ip",
    "build-agent-payload", "send-agent-config", "await-ready", "persist-instance", "publish-edge",
]  # fmt: skip


def curl(url: str, *words: str, token: str | None = None, body: Any = None, method: str | None = None) -> Any:
    """Call the API with a client we did not write."""
    command = ["curl", "-sS", "--max-time", "60", url, *words]
    if method:
        command += ["-X", method]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    if body is not None:
        command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


async def called(*words: Any, **more: Any) -> Any:
    return await asyncio.to_thread(curl, *words, **more)


@pytest_asyncio.fixture(
    scope="module", loop_scope="module",
    params=["process", pytest.param("lxc", marks=pytest.mark.lxc)],
)  # fmt: skip
async def platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    home = tmp_path_factory.mktemp("up") / "home"
    subnet = {"process": "127.84.0.0/16", "lxc": "127.86.0.0/16"}[request.param]
    made = Platform(home, subnet=subnet, isolation=request.param)
    await made.start()
    yield made
    await made.stop()
    await eventually(lambda: not made.leftovers(), timeout=20, what="an end without leftovers")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def token(platform: Platform) -> str:
    account = {"email": "ann@example.org", "username": "ann", "password": "correct horse"}
    await called(f"{platform.api}/api/auth/register", body=account)
    login = {"identifier": "ann", "password": "correct horse"}
    return (await called(f"{platform.api}/api/auth/login", body=login))["token"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(platform: Platform, token: str) -> list[dict[str, Any]]:
    """Two servers, created at once; their operations when they are ready."""
    started = [
        await called(f"{platform.api}/api/instances", token=token, body={**BODY, "version": version})
        for version in ("1.21.4", "1.20.4")
    ]
    return [await followed(platform, token, answer["statusUrl"]) for answer in started]


async def followed(platform: Platform, token: str, url: str) -> dict[str, Any]:
    seen: list[str] = []

    async def ended() -> dict[str, Any] | None:
        operation = (await called(platform.api + url, token=token))["operation"]
        if operation["phase"] and operation["phase"] not in seen:
            seen.append(operation["phase"])
        return operation if operation["status"] in {"succeeded", "failed"} else None

    operation = await eventually(ended, timeout=120)
    assert operation["status"] == "succeeded", operation
    assert seen == [phase for phase in PHASES if phase in seen]
    return operation


async def joined(platform: Platform, hostname: str, username: str, version: str) -> list[dict[str, Any]]:
    """Let a bot join by host name, say its name, and leave; return what it saw."""
    tools, folder = await asyncio.to_thread(installed_bots)
    host, port = platform.edge
    process = await asyncio.create_subprocess_exec(
        str(tools.node), str(folder / "join.mjs"), "--host", host, "--port", str(port), "--fake-host", hostname,
        "--username", username, "--version", version, "--message", f"this is {username}", "--stay", "1",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, said
    return [json.loads(line) for line in said.splitlines()]


async def console(platform: Platform, token: str, vmid: int) -> str:
    found = await called(f"{platform.api}/api/servers/{vmid}/console/log", token=token)
    return "\n".join(line["line"] for line in found["lines"])


async def says(platform: Platform, token: str, vmid: int, words: str) -> None:
    """Wait until the console of a server has these words."""

    async def heard() -> bool:
        return words in await console(platform, token, vmid)

    await eventually(heard, timeout=15, what=words)


async def test_each_bot_lands_on_its_own_server(
    platform: Platform, token: str, two: list[dict[str, Any]]
) -> None:
    first, second = two
    names = [f"{operation['hostname']}.zpack.localhost" for operation in two]
    await asyncio.gather(
        joined(platform, names[0], "Anna", "1.21.4"), joined(platform, names[1], "Berta", "1.20.4")
    )
    await says(platform, token, first["vmid"], "this is Anna")
    await says(platform, token, second["vmid"], "this is Berta")
    assert "Anna" not in await console(platform, token, second["vmid"])


async def test_a_status_ping_by_name_is_answered_by_the_game_itself(
    platform: Platform, two: list[dict[str, Any]]
) -> None:
    tools, folder = await asyncio.to_thread(installed_bots)
    host, port = platform.edge
    for operation, version in zip(two, ("1.21.4", "1.20.4"), strict=True):
        name = f"{operation['hostname']}.zpack.localhost"
        words = [
            str(tools.node),
            str(folder / "ping.mjs"),
            "--host",
            host,
            "--port",
            str(port),
            "--fake-host",
            name,
        ]
        done = await asyncio.to_thread(
            subprocess.run, words, capture_output=True, text=True, check=True, timeout=30
        )
        said = json.loads(done.stdout.splitlines()[-1])
        assert said["version"]["name"] == version
        assert "zpack" not in said  # the edge's own answers carry this key


async def test_the_list_says_connectable_with_evidence(
    platform: Platform, token: str, two: list[dict[str, Any]]
) -> None:
    async def connectable() -> bool:
        servers = (await called(f"{platform.api}/api/servers", token=token))["servers"]
        return len(servers) == 2 and all(server["connection"]["connectable"] for server in servers)

    await eventually(connectable, timeout=15)


async def test_a_command_reaches_the_console(
    platform: Platform, token: str, two: list[dict[str, Any]]
) -> None:
    vmid = two[0]["vmid"]
    url = f"{platform.api}/api/servers/{vmid}/console/command"
    await called(url, token=token, body={"command": "say it is raining"})
    await says(platform, token, vmid, "it is raining")


async def test_a_strangers_server_is_not_there(platform: Platform, two: list[dict[str, Any]]) -> None:
    account = {"email": "eve@example.org", "username": "eve", "password": "correct horse"}
    eve = (await called(f"{platform.api}/api/auth/register", body=account))["token"]
    for path in (f"servers/{two[0]['vmid']}/status", f"operations/{two[0]['id']}", "servers/5999/status"):
        answer = await called(f"{platform.api}/api/{path}", token=eve)
        assert answer["error"] in {"server_not_found", "operation_not_found"}


async def test_a_restart_resumes_what_ran(platform: Platform, token: str, two: list[dict[str, Any]]) -> None:
    assert await platform.stop() == 0
    await eventually(lambda: not platform.leftovers(), timeout=20)
    await platform.start()
    again = await called(
        f"{platform.api}/api/auth/login", body={"identifier": "ann", "password": "correct horse"}
    )
    name = f"{two[0]['hostname']}.zpack.localhost"

    async def ready() -> bool:
        servers = (await called(f"{platform.api}/api/servers", token=again["token"]))["servers"]
        return all(server["connection"]["connectable"] for server in servers)

    await eventually(ready, timeout=60)
    seen = await joined(platform, name, "Carla", "1.21.4")
    assert seen[0]["event"] == "spawn"


async def test_a_server_is_deleted_once_its_host_is_stopped(
    platform: Platform, two: list[dict[str, Any]]
) -> None:
    login = {"identifier": "ann", "password": "correct horse"}
    token = (await called(f"{platform.api}/api/auth/login", body=login))["token"]
    vmid, url = two[1]["vmid"], platform.api
    refused = await called(f"{url}/api/containers/{vmid}", token=token, method="DELETE")
    assert refused["error"] == "container_running"
    stopped = await called(f"{url}/api/servers/{vmid}/host/stop", token=token, method="POST")
    await eventually(lambda: _done(url, token, stopped["operation"]["id"]), timeout=60)
    gone = await called(f"{url}/api/containers/{vmid}", token=token, method="DELETE")
    assert gone["ok"] is True
    assert gone["archived"] >= 1
    assert not (platform.home / "localpve" / "guests" / str(vmid)).exists()


async def _done(url: str, token: str, operation: str) -> bool:
    return (await called(f"{url}/api/operations/{operation}", token=token))["operation"][
        "status"
    ] == "succeeded"


async def test_a_dev_container_has_its_runtime_its_files_and_a_shell(
    platform: Platform, tmp_path: Path
) -> None:
    archive = tmp_path / "tiny-1.tar.gz"
    archive.write_bytes(tarball({"tiny/bin/tiny": b"#!/bin/sh\necho tiny speaks of $(cat note)\n"}))
    store = str(platform.home / "artifacts")
    await zpack("artifacts", "add", str(archive), "--runtime", "tiny", "--version", "1", "--home", store)
    account = {"email": "dora@example.org", "username": "dora", "password": "correct horse"}
    token = (await called(f"{platform.api}/api/auth/register", body=account))["token"]
    await eventually(lambda: _offered(platform), timeout=30, what="the runtime in the catalog")
    wanted = {"container_type": "dev", "runtime": "tiny", "version": "1", "memoryMiB": 512}
    made = await called(f"{platform.api}/api/instances", token=token, body=wanted)
    vmid = str((await followed(platform, token, made["statusUrl"]))["vmid"])
    note = f"{platform.api}/api/dev/{vmid}/files?path=note"
    assert (await called(note, "--data-binary", "the sea", token=token, method="PUT"))["size"] == 7
    said = await zpack(
        *("servers", "console", vmid, "--api", platform.api, "--token", token), typed=b"tiny\nexit\n"
    )
    assert "tiny speaks of the sea" in said


async def _offered(platform: Platform) -> bool:
    found = (await called(f"{platform.api}/api/catalog/dev"))["runtimes"]
    return any(runtime["id"] == "tiny" for runtime in found)


async def zpack(*words: str, typed: bytes = b"") -> str:
    """Run our own command, as a person does; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "zpack", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(process.communicate(typed), 90)
    assert process.returncode == 0, said
    return said.decode()
