"""The agent ends and begins again: its workload goes on, and so does all that is told of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.bench import agent_beside, alive, eventually

from zpack.agent.runtime.family import children, end_marked, marked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.agent.bench import Client, StoreServer

KEEP = {"ZLH_AGENT_KEEP_WORKLOAD": "1"}


@pytest.fixture(autouse=True)
async def clean(tmp_path: Path) -> AsyncIterator[None]:
    """What outlives the agent does not outlive the test."""
    yield
    await end_marked(f"ZPACK_GAME_OF={tmp_path / 'home'}")


def keeper(client: Client) -> int:
    """The one process with our mark that leads a group of its own and is no game."""
    (found,) = [pid for pid in marked(f"ZPACK_GAME_OF={client.home}") if "keeper.py" in words(pid)]
    return found


def game(client: Client) -> int:
    (found,) = children(keeper(client))
    return found


def words(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


async def lines(client: Client, after: int = 0) -> list[dict[str, Any]]:
    return (await client.get(f"/console/log?after={after}"))[1]["lines"]


async def test_a_killed_agents_game_goes_on_and_its_successor_takes_it_up(
    tmp_path: Path, store: StoreServer
) -> None:
    async with agent_beside(tmp_path, store, **KEEP) as client:
        await client.run()
        await client.type("join Ada")
        await client.said("did join")
        pid, before = game(client), await lines(client)
        await client.killed()
    assert alive(pid)
    store.asked.clear()
    async with agent_beside(tmp_path, store, **KEEP) as again:
        status = await again.status()
        assert (status["state"], status["ready"], status["crashCount"]) == ("running", True, 0)
        assert (game(again), store.asked) == (pid, [])
        assert (await again.get("/game/players"))[1]["players"] == ["Ada"]
        assert await lines(again) == before
        await again.type("say on")
        await again.said("did say on")
        assert [each["seq"] for each in await lines(again, before[-1]["seq"])] == [
            before[-1]["seq"] + 1, before[-1]["seq"] + 2,
        ]  # fmt: skip
        await again.post("/stop")
        assert not alive(pid)
    assert marked(f"ZPACK_GAME_OF={tmp_path / 'home'}") == set()


async def test_what_was_said_meanwhile_is_read_afterwards(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store, **KEEP) as client:
        await client.run()
        await client.type("later 0.5 hello")
        await client.said("did later")
        await client.killed()
    await asyncio.sleep(0.6)
    async with agent_beside(tmp_path, store, **KEEP) as again:
        assert await again.said("hello") == "hello"
        seqs = [each["seq"] for each in await lines(again)]
        assert seqs == list(range(1, len(seqs) + 1))


async def test_a_crash_without_an_agent_is_recorded_by_the_next(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store, **KEEP) as client:
        await client.run()
        pid = game(client)
        await client.killed()
    os.kill(pid, signal.SIGSEGV)
    async with agent_beside(tmp_path, store, **KEEP) as again:

        async def back() -> bool:
            status = await again.status()
            return status["crashCount"] == 1 and status["state"] == "running"

        await eventually(back)
        assert (await again.status())["lastCrashSignal"] == signal.SIGSEGV
        assert game(again) != pid


async def test_sighup_begins_anew_in_the_same_process(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store) as client:  # even where the game would not outlive it
        await client.run()
        pid, before = game(client), await lines(client)
        assert client.process
        assert client.process.stdout
        client.process.send_signal(signal.SIGHUP)
        said = await asyncio.wait_for(client.process.stdout.readline(), 60)
        client.url = f"http://{json.loads(said)['listen']}"
        assert (await client.status())["state"] == "running"
        assert (game(client), client.process.returncode) == (pid, None)
        assert (await lines(client))[: len(before)] == before
        await client.type("crash 1")

        async def crashed() -> bool:
            return (await client.status())["crashCount"] == 1

        await eventually(crashed)
        await client.reaches("running")


async def test_the_uptime_of_a_crash_counts_from_the_start(tmp_path: Path, store: StoreServer) -> None:
    began = time.monotonic()
    async with agent_beside(tmp_path, store, **KEEP) as client:
        await client.run()
        await client.killed()
    await asyncio.sleep(max(0.0, 2.1 - (time.monotonic() - began)))
    ran = time.monotonic()
    async with agent_beside(tmp_path, store, **KEEP) as again:
        await again.type("crash 1")

        async def crashed() -> bool:
            return (await again.status())["crashCount"] == 1

        await eventually(crashed)
        assert (await again.status())["lastCrashUptimeSeconds"] >= int(ran - began) - 1


async def test_another_workload_than_the_wanted_one_is_ended(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store, **KEEP) as client:
        await client.run()
        pid = game(client)
        await client.killed()
    saved = tmp_path / "home" / "config" / "payload.json"
    saved.write_text(saved.read_text().replace("512", "513"))
    async with agent_beside(tmp_path, store, **KEEP) as again:
        await again.reaches("running")
        assert not alive(pid)


async def test_a_stopped_one_is_not_taken_up(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store, **KEEP) as client:
        await client.run()
        pid = game(client)
        await client.killed()
    state = tmp_path / "home" / "state" / "workload.json"
    state.write_text(state.read_text().replace("running", "stopped"))
    async with agent_beside(tmp_path, store, **KEEP) as again:
        assert (await again.status())["state"] == "idle"
        assert not alive(pid)


async def test_a_killed_keeper_is_a_crash_and_takes_the_game_along(
    tmp_path: Path, store: StoreServer
) -> None:
    async with agent_beside(tmp_path, store, **KEEP) as client:
        await client.run()
        pid = game(client)
        os.kill(keeper(client), signal.SIGKILL)

        async def back() -> bool:
            status = await client.status()
            return status["crashCount"] == 1 and status["state"] == "running"

        await eventually(back)
        assert not alive(pid)


async def test_a_keeper_is_small_and_closed_to_others(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store) as client:
        await client.run()
        socket = client.home / "run" / "keeper.sock"
        assert (socket.stat().st_mode & 0o777, socket.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        resident = Path(f"/proc/{keeper(client)}/status").read_text().split("VmRSS:")[1].split()[0]
        assert int(resident) <= 16_000


async def test_a_keeper_that_is_asked_to_end_ends_its_game_first(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store, **KEEP) as client:
        await client.run()
        pid, holder = game(client), keeper(client)
        await client.killed()
    os.kill(holder, signal.SIGTERM)

    async def gone() -> bool:
        return not alive(holder)

    await eventually(gone)
    assert not alive(pid)
