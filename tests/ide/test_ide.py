"""The real code-server behind a real agent, installed from the product's own artifact server."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.agent.bench import StoreServer, alive
from tests.agent.dev.stand import stand
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.agent.dev.stand import Stand

pytestmark = [pytest.mark.ide, pytest.mark.timeout(1800)]
WITH_IDE = {"enable_code_server": True, "memory_mb": 1024}
ROOT = {"ZLH_DEV_USER": "nobody-of-this-name"}


@asynccontextmanager
async def agent(tmp: Path, store_url: str, port: int) -> AsyncIterator[Stand]:
    """An agent beside the test, with the settings of production but for its folders and its address."""
    store = StoreServer(url=store_url)
    async with stand(tmp, store, beside=True, port=port, ZLH_AGENT_BACKOFF_SECONDS="1,2,4", **ROOT) as made:
        yield made


async def provisioned(dev: Stand) -> dict[str, object]:
    assert (await dev.configure(**WITH_IDE))[0] == 202
    return await dev.client.reaches("running", seconds=600)


async def page(dev: Stand) -> str:
    folder = str(dev.home / "workspace")
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{dev.ide_url}/", params={"folder": folder}) as answer,
    ):
        assert answer.status == 200
        return await answer.text()


async def test_the_real_ide_starts_serves_restarts_and_stops(tmp_path: Path, store_url: str) -> None:
    async with agent(tmp_path, store_url, free_port()) as dev:
        status = await provisioned(dev)
        assert (status["ready"], status["readySource"]) == (True, "code_server_healthz")
        assert status["codeServerVersion"] == "4.139.1"
        assert (await dev.healthz())["status"] in {"alive", "expired"}
        assert "vscode-workbench-web-configuration" in await page(dev)
        before = dev.ide_pid()
        assert (await dev.ide("restart"))[0] == 200
        assert (await dev.ide_is("running"))["ready"]
        assert dev.ide_pid() != before
        assert await dev.ide("stop") == (200, {"ok": True, "state": "idle"})
        assert not alive(before)
        assert not alive(dev.ide_pid())
        assert (await dev.client.status())["crashCount"] == 0


async def test_the_real_ide_survives_its_agent(tmp_path: Path, store_url: str) -> None:
    port = free_port()
    async with agent(tmp_path, store_url, port) as dev:
        await provisioned(dev)
        pid = dev.ide_pid()
        assert dev.client.process
        dev.client.process.kill()
        await dev.client.process.wait()
        assert "vscode-workbench-web-configuration" in await page(dev)
    async with agent(tmp_path, store_url, port) as dev:
        status = await dev.client.reaches("running", seconds=120)
        assert (dev.ide_pid(), status["codeServerRunning"], status["ready"]) == (pid, True, True)
    assert not alive(pid)


PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize(
    ("runtime", "version", "program"), [("node", "24", "npm"), ("python", PYTHON, "python3")]
)
async def test_a_real_runtime_runs_from_where_it_was_installed(
    tmp_path: Path, store_url: str, runtime: str, version: str, program: str
) -> None:
    async with agent(tmp_path, store_url, free_port()) as dev:
        assert (await dev.configure(runtime=runtime, version=version))[0] == 202
        await dev.client.reaches("running", seconds=300)
        programs = dev.runtimes / runtime / "current" / "bin"
        env = {"PATH": f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin"}
        said = await asyncio.create_subprocess_exec(
            programs / program, "--version", env=env, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await said.communicate()
        assert (said.returncode, out[:1].isalnum()) == (0, True)
