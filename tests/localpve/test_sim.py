"""Scripted guests behave as their script says: seen through the program, from outside."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from mcstatus import JavaServer

from tests.localpve.conftest import NET, write_template

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

IP = f"{NET}.19.236"  # of 5100
AGENT = f"http://{IP}:18888"
SCRIPT = {
    "default": {"behaviour": "ready", "ready_after": 0.1},
    "rules": [
        {"match": {"world": kind}, "behaviour": kind, "reason": "no space left"}
        for kind in ("never_ready", "error", "garbage", "hang", "dead", "lying")
    ]
    + [
        {"match": {"world": "slow"}, "behaviour": "slow", "delay": 0.4},
        {"match": {"world": "flapping"}, "behaviour": "flapping", "period": 1.0},
        {"match": {"world": "later dead"}, "behaviour": "dead", "after": 0.5},
    ],
}
Agent = aiohttp.ClientSession


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    """The agent of guest 5100, which a localpve started because it ran before."""
    write_template(tmp_path, {"init": ["/bin/true"]})
    (tmp_path / "ledger.json").write_text('[{"vmid": 5100, "template_of": 9000, "running": true}]')
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    words = ["--home", str(tmp_path), "--port", "0", "--isolation", "sim", "--subnet", f"{NET}.0.0/16"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "zpack.localpve", *words, "--sim-script", str(tmp_path / "script.json"),
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "LOCALPVE_TOKEN": "root@pam!zpack=a-secret"},
    )  # fmt: skip
    assert process.stdout is not None
    assert json.loads(await process.stdout.readline())["backend"] == "sim"
    async with aiohttp.ClientSession(AGENT, timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield session
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def configure(agent: Agent, **payload: Any) -> None:
    async with agent.post("/config", json={"variant": "flying-squid", **payload}) as reply:
        assert reply.status == 202


async def test_a_ready_guest_answers_pings(agent: Agent) -> None:
    await configure(agent, world="any")

    async def ready() -> bool:
        async with agent.get("/ready") as reply:
            return reply.status == 200

    while not await ready():
        continue
    status = await asyncio.to_thread(JavaServer(IP, 25565).status)
    assert status.motd.to_plain() == "a scripted server"


async def test_a_failing_guest_gives_its_reason(agent: Agent) -> None:
    await configure(agent, world="error")
    async with agent.get("/status") as reply:
        body = await reply.json()
    assert (body["state"], body["error"]) == ("error", "no space left")


async def test_a_guest_that_never_gets_ready(agent: Agent) -> None:
    await configure(agent, world="never_ready")
    async with agent.get("/ready") as ready, agent.get("/status") as status:
        assert (ready.status, (await status.json())["state"]) == (503, "starting")


async def test_garbage_is_no_json(agent: Agent) -> None:
    await configure(agent, world="garbage")
    async with agent.get("/status") as reply:
        with pytest.raises(ValueError):  # noqa: PT011 - any decoding error
            await reply.json()


async def test_a_hanging_guest_never_answers_but_can_be_ended(agent: Agent) -> None:
    await configure(agent, world="hang")
    with pytest.raises(TimeoutError):
        await agent.get("/status", timeout=aiohttp.ClientTimeout(total=0.3))


async def test_a_dead_guest_drops_the_connection(agent: Agent) -> None:
    await configure(agent, world="dead")
    with pytest.raises(aiohttp.ClientConnectionError):
        await agent.get("/status")


async def heard(agent: Agent, path: str) -> tuple[int, Any]:
    async with agent.get(path) as reply:
        return reply.status, await reply.json()


async def test_a_liar_says_ready_of_a_crashed_game(agent: Agent) -> None:
    await configure(agent, world="lying")
    assert (await heard(agent, "/ready"))[1]["ready"] is True
    assert (await heard(agent, "/status"))[1]["state"] == "crashed"


async def test_a_slow_one_takes_its_time(agent: Agent) -> None:
    await configure(agent, world="slow")
    began = asyncio.get_running_loop().time()
    assert (await heard(agent, "/health"))[0] == 200
    assert asyncio.get_running_loop().time() - began >= 0.4


async def test_a_flapping_one_comes_and_goes(agent: Agent) -> None:
    await configure(agent, world="flapping")
    turns: list[bool] = []
    while len(turns) < 4:
        ready = (await heard(agent, "/ready"))[0] == 200
        if not turns or turns[-1] != ready:
            turns.append(ready)
    assert {True, False} == set(turns)


async def test_one_that_dies_later_was_well_before(agent: Agent) -> None:
    await configure(agent, world="later dead")
    assert (await heard(agent, "/health"))[0] == 200
    with pytest.raises(aiohttp.ClientConnectionError):
        while True:
            await heard(agent, "/health")


async def test_the_token_of_the_payload_is_demanded(agent: Agent) -> None:
    await configure(agent, agent_token="t0ken")
    for header, status in (("", 401), ("Bearer wrong", 401), ("Bearer t0ken", 200)):
        async with agent.get("/version", headers={"Authorization": header}) as reply:
            assert reply.status == status


async def test_a_command_shows_up_in_the_console(agent: Agent) -> None:
    async with agent.post("/console/command", json={"command": "say hi"}) as reply:
        assert await reply.json() == {"ok": True}
    async with agent.get("/console/log?after=0&wait=1") as reply:
        body = await reply.json()
    assert ([row["line"] for row in body["lines"]], body["next"], body["lost"]) == (["> say hi"], 1, False)
