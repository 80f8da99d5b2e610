"""Crashes, back-off and giving up (contract §4.3), in short configured time."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest
from tests.agent.bench import agent_here, eventually

from zpack.agent.power.backoff import Backoff
from zpack.agent.power.crash import CrashRecord, classify
from zpack.agent.runtime.memory import oom_kills
from zpack.agent.runtime.process import Exit
from zpack.agent.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import Client, StoreServer


def test_back_off_is_30_60_120_then_gives_up() -> None:
    supervision = read_settings({}).supervision
    backoff = Backoff(seconds=supervision.backoff_seconds, stable_seconds=supervision.stable_seconds)
    assert [backoff.after(1) for _ in range(4)] == [30, 60, 120, None]


def test_a_run_of_30_seconds_begins_the_back_off_anew() -> None:
    backoff = Backoff(seconds=(30, 60, 120), stable_seconds=30)
    assert [backoff.after(uptime) for uptime in (1, 29.9, 30, 1)] == [30, 60, 30, 60]


@pytest.mark.parametrize(
    ("ended", "tail", "killed", "expected"),
    [
        (Exit(None, 9), [], True, "oom"),
        (Exit(None, 9), [], False, "unexpected_exit"),
        (Exit(1, None), ["java.lang.OutOfMemoryError: Java heap space"], False, "oom"),
        (Exit(134, None), ["FATAL ERROR: … JavaScript heap out of memory"], False, "oom"),
        (Exit(1, None), ["Mod loading has failed", "Missing or unsupported mandatory dependencies:"], False,
         "missing_dependency"),
        (Exit(1, None), ["Error: Cannot find module 'flying-squid'"], False, "missing_dependency"),
        (Exit(1, None), ["java.lang.UnsupportedClassVersionError: x"], False, "missing_dependency"),
        (Exit(1, None), ["Mixin apply failed my.mixins.json"], False, "mod_or_plugin_error"),
        (Exit(1, None), ["Could not load 'plugins/Bad.jar'"], False, "mod_or_plugin_error"),
        (Exit(7, None), ["bye"], False, "nonzero_exit"),
        (Exit(7, None), ["bye"], True, "nonzero_exit"),
        (Exit(0, None), [], False, "unexpected_exit"),
        (Exit(None, 11), [], False, "unexpected_exit"),
    ],
)  # fmt: skip
def test_classification(ended: Exit, tail: list[str], killed: bool, expected: str) -> None:
    assert classify(ended, tail, oom_killed=killed) == expected


def test_the_kernels_count_is_read_from_either_cgroup_version(tmp_path: Path) -> None:
    own = tmp_path / "own"
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    own.write_text("0::/a\n")
    assert oom_kills(own=own, root=tmp_path) == 2
    (tmp_path / "memory" / "b").mkdir(parents=True)
    (tmp_path / "memory" / "b" / "memory.oom_control").write_text(
        "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n"
    )
    own.write_text("9:memory:/b\n0::/none\n")
    assert oom_kills(own=own, root=tmp_path) == 5
    assert oom_kills(own=tmp_path / "missing", root=tmp_path) == 0


@pytest.mark.parametrize("saved", [{}, {"count": -1}, {"count": "x"}, {"count": 2, "last": {"time": 1}}])
def test_a_damaged_crash_record_is_none(saved: dict[str, object]) -> None:
    assert CrashRecord.from_json(saved).last is None


async def test_a_crash_is_recorded_and_the_server_comes_back(agent: Client) -> None:
    await agent.run()
    await agent.type("flood 100")
    await agent.said("did flood")
    await agent.type("crash 3")

    async def crashed() -> bool:
        return (await agent.status())["crashCount"] == 1

    await eventually(crashed)
    status = await agent.reaches("running")
    assert (status["lastCrashExitCode"], status["lastCrashSignal"]) == (3, None)
    assert status["lastCrashClassification"] == "nonzero_exit"
    assert status["lastCrashLogTail"][-3:] == ["line 99", "did flood 100", "> crash 3"]
    assert status["lastCrashTime"].endswith("Z")
    assert status["lastCrashUptimeSeconds"] >= 0


async def test_kill_minus_9_of_the_game_is_a_crash_by_signal_9(agent: Client) -> None:
    await agent.run()
    os.kill(agent.game_pid(), signal.SIGKILL)

    async def back() -> bool:
        status = await agent.status()
        return status["state"] == "running" and status["lastCrashSignal"] == 9

    await eventually(back)
    assert (await agent.status())["lastCrashExitCode"] is None


async def test_repeated_crashes_give_up_with_error_and_reason(agent: Client) -> None:
    agent.behave(say=["java.lang.OutOfMemoryError"], exit=1)
    await agent.post("/config", agent.payload())
    status = await agent.reaches("error")
    assert status["crashCount"] == 4
    assert "given up after 4 crashes" in status["error"]
    assert status["lastCrashClassification"] == "oom"
    assert status["lastCrashLogTail"] == ["java.lang.OutOfMemoryError"]


async def test_a_stable_run_keeps_it_from_giving_up(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store, ZLH_AGENT_STABLE_SECONDS="0") as agent:
        agent.behave(exit=1)
        await agent.post("/config", agent.payload())

        async def often() -> bool:
            return (await agent.status())["crashCount"] >= 6

        await eventually(often)


async def test_between_crash_and_restart_the_state_is_crashed(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store, ZLH_AGENT_BACKOFF_SECONDS="600") as agent:
        await agent.run()
        await agent.type("crash 1")
        status = await agent.reaches("crashed")
        assert "next start in 600 s" in status["error"]
        assert (await agent.get("/ready"))[0] == 503
        assert await agent.post("/start") == (200, {"ok": True, "state": "starting"})
        assert (await agent.reaches("running"))["error"] is None


async def test_stop_ends_the_pause_after_a_crash(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store, ZLH_AGENT_BACKOFF_SECONDS="600") as agent:
        await agent.run()
        await agent.type("crash 1")
        await agent.reaches("crashed")
        assert await agent.post("/stop") == (204, "")
        assert (await agent.status())["state"] == "idle"


async def test_a_crash_during_the_start_does_not_hold_the_lock(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store, ZLH_AGENT_BACKOFF_SECONDS="600") as agent:
        agent.behave(exit=0)
        await agent.post("/config", agent.payload())
        status = await agent.reaches("crashed")
        assert status["lastCrashClassification"] == "unexpected_exit"
        agent.behave()
        assert (await agent.post("/restart"))[0] == 200
        await agent.reaches("running")


async def test_crashes_are_remembered_over_the_agents_end(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store) as agent:
        await agent.run()
        await agent.type("crash 5")

        async def back() -> bool:
            status = await agent.status()
            return status["crashCount"] == 1 and status["state"] == "running"

        await eventually(back)
    async with agent_here(tmp_path, store) as agent:
        status = await agent.status()
        assert (status["crashCount"], status["lastCrashExitCode"]) == (1, 5)


async def test_a_stop_typed_at_the_console_is_no_crash(agent: Client) -> None:
    await agent.run()
    await agent.type("/stop")
    status = await agent.reaches("idle")
    assert status["crashCount"] == 0
    await asyncio.sleep(0.3)  # longer than the back-off: it must not come back
    assert (await agent.status())["state"] == "idle"
