"""The node is killed at any moment: what it promised is still true afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.localpve.conftest import NET, TEMPLATE, TOKEN
from zpack.localpve.history import History, Task

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LXC = "/api2/json/nodes/pve1/lxc"


@asynccontextmanager
async def killed_at_the_end(home: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Run the program with scripted guests; give a client of it; SIGKILL it when the client is done."""
    words = ["-m", "zpack.localpve", "--home", str(home), "--port", "0", "--node", "pve1"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, "--isolation", "sim", "--subnet", f"{NET}.0.0/16",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "LOCALPVE_TOKEN": TOKEN, "ZPACK_PDEATHSIG": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    listen = json.loads(await process.stdout.readline())["listen"]
    headers = {"Authorization": f"PVEAPIToken={TOKEN}"}
    try:
        async with aiohttp.ClientSession(f"http://{listen}", headers=headers) as session:
            yield session
    finally:
        process.kill()
        await process.wait()


async def asked(session: aiohttp.ClientSession, method: str, path: str, **form: Any) -> Any:
    async with session.request(method, path, data=form or None) as reply:
        assert reply.status == 200, reply.reason
        return (await reply.json())["data"]


async def exit_of(session: aiohttp.ClientSession, upid: str) -> str:
    while True:
        status = await asked(session, "GET", f"/api2/json/nodes/pve1/tasks/{upid}/status")
        if status["status"] == "stopped":
            return status["exitstatus"]


async def clones(session: aiohttp.ClientSession, done: set[int], first: int) -> None:
    """Clone without end; note what the node called done."""
    for vmid in range(first, first + 1000):
        upid = await asked(session, "POST", f"{LXC}/{TEMPLATE}/clone", newid=vmid)
        if await exit_of(session, upid) == "OK":
            done.add(vmid)


@pytest.mark.parametrize("seconds", [0.05, 0.12, 0.2, 0.31])
async def test_what_was_called_done_is_there_after_a_kill(home: Path, seconds: float) -> None:
    done: set[int] = set()
    async with killed_at_the_end(home) as session:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(clones(session, done, 5000), seconds)
    async with killed_at_the_end(home) as session:
        there = {row["vmid"] for row in await asked(session, "GET", LXC)} - {TEMPLATE}
        newest = max(done, default=4999) + 1
        assert done <= there <= done | {newest}
        assert int(await asked(session, "GET", f"/api2/json/cluster/nextid?vmid={newest + 1}")) == newest + 1


async def test_a_task_can_be_followed_after_a_kill(home: Path) -> None:
    async with killed_at_the_end(home) as session:
        upid = await asked(session, "POST", f"{LXC}/{TEMPLATE}/clone", newid=5000)
        assert await exit_of(session, upid) == "OK"
    async with killed_at_the_end(home) as session:
        assert await exit_of(session, upid) == "OK"
        rows = await asked(session, "GET", "/api2/json/nodes/pve1/tasks")
        log = await asked(session, "GET", f"/api2/json/nodes/pve1/tasks/{upid}/log")
    assert [(row["upid"], row["status"]) for row in rows] == [(upid, "OK")]
    assert log[-1]["t"] == "TASK OK"


def task(number: int) -> Task:
    upid = f"UPID:pve1:{number:08X}:00000001:00000001:vzstart:100:root@pam:"
    return Task(upid, "pve1", "vzstart", 100, "root@pam", "", number)


def test_a_task_that_a_kill_interrupted_ended_unexpectedly(tmp_path: Path) -> None:
    History(tmp_path / "tasks").append(task(1))
    found = History(tmp_path / "tasks").load()
    assert [one.status()["exitstatus"] for one in found] == ["unexpected status"]


@pytest.mark.parametrize("torn", [b'{"upid": "UPID:pve1:0000', b"\xff\xfe\n", b"[]\n", b'{"upid": 7}\n'])
def test_a_torn_row_hides_no_other(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "tasks"
    History(path).append(task(1))
    path.write_bytes(path.read_bytes() + torn)
    assert len(History(path).load()) == 1


def test_the_history_does_not_grow_without_end(tmp_path: Path) -> None:
    history = History(tmp_path / "tasks")
    for number in range(5000):
        history.append(task(number))
    assert history.full
    assert len(History(tmp_path / "tasks").load()) == 1000
