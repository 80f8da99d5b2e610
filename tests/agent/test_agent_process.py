"""The agent as a program: asked to end, killed, with children that escape, and how small it is."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.agent.bench import agent_beside, alive, environment, eventually

from zpack.agent.console.routes import MAX_READERS
from zpack.agent.runtime.family import children, descendants, marked

if TYPE_CHECKING:
    from tests.agent.bench import Client, StoreServer


def game(client: Client) -> int:
    assert client.process
    (keeper,) = children(client.process.pid)
    return next(iter(children(keeper)))


async def ended(pid: int) -> None:
    async def gone() -> bool:
        return not alive(pid)

    await eventually(gone)


async def test_sigterm_stops_the_game_cleanly_and_leaves_no_process(
    tmp_path: Path, store: StoreServer
) -> None:
    async with agent_beside(tmp_path, store) as client:
        await client.run()
        pid = game(client)
        client.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(client.process.wait(), 60) == 0
        assert not alive(pid)
    assert marked(f"ZPACK_GAME_OF={tmp_path / 'home'}") == set()


async def test_a_daemonised_child_without_any_mark_ends_with_the_server(
    tmp_path: Path, store: StoreServer
) -> None:
    async with agent_beside(tmp_path, store) as client:
        await client.run()
        await client.type("daemon")
        daemon = int((await client.said("daemon")).split()[1])
        assert alive(daemon)
        await client.post("/stop")
        await ended(daemon)
        assert children(client.process.pid) == set()  # and nothing dead is left either


async def test_an_orphan_is_reaped_while_the_server_goes_on(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store) as client:
        await client.run()
        await client.type("daemon")
        daemon = int((await client.said("daemon")).split()[1])
        os.kill(daemon, signal.SIGKILL)
        await ended(daemon)
        assert (await client.status())["crashCount"] == 0
        assert not (await client.status())["operationInProgress"]


async def test_told_not_to_keep_it_a_killed_agent_takes_its_game_along(
    tmp_path: Path, store: StoreServer
) -> None:
    async with agent_beside(tmp_path, store) as client:
        await client.run()
        pid = game(client)
        await client.killed()
        await ended(pid)
    store.asked.clear()
    async with agent_beside(tmp_path, store) as client:
        status = await client.reaches("running")
        assert (status["crashCount"], store.asked) == (0, [])


async def test_what_a_killed_agent_left_is_ended_first(tmp_path: Path, store: StoreServer) -> None:
    env = {"PATH": os.environ["PATH"], "ZPACK_GAME_OF": str(tmp_path / "home")}
    left = await asyncio.create_subprocess_exec("sleep", "600", env=env, start_new_session=True)
    async with agent_beside(tmp_path, store):
        assert await asyncio.wait_for(left.wait(), 60) == -signal.SIGKILL


async def test_sigterm_during_an_installation_ends_at_once_and_it_goes_on_later(
    tmp_path: Path, store: StoreServer
) -> None:
    store.hold = asyncio.Event()
    async with agent_beside(tmp_path, store) as client:
        assert (await client.post("/config", client.payload()))[0] == 202
        client.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(client.process.wait(), 60) == 0
    store.hold.set()
    async with agent_beside(tmp_path, store) as client:
        await client.reaches("running")


async def test_asked_twice_it_does_not_wait_for_a_stubborn_server(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store, ZLH_AGENT_STOP_SECONDS="60") as client:
        client.behave(ignore_stop=True)
        await client.run()
        pid = game(client)
        client.process.send_signal(signal.SIGTERM)

        async def stopping() -> bool:
            return "asked to end" in (tmp_path / "agent.log").read_text()

        await eventually(stopping)
        client.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(client.process.wait(), 30) == 0
        assert not alive(pid)


async def test_it_ends_with_its_parent_when_told_to(tmp_path: Path, store: StoreServer) -> None:
    env = {"PATH": os.environ["PATH"], "ZPACK_PDEATHSIG": "1"} | environment(tmp_path, store)
    # A parent that starts the agent, says its pid, and dies when its stdin closes.
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c"),
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'zpack.agent'], stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); sys.stdin.read()",
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert parent.stdout
    pid = int(await parent.stdout.readline())
    assert alive(pid)
    await parent.communicate(b"")
    await ended(pid)


async def test_readers_who_went_away_give_their_places_back(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store) as client:
        readers = [asyncio.create_task(client.get("/console/log?wait=30")) for _ in range(MAX_READERS)]

        async def code(wanted: int) -> bool:
            return (await client.get("/console/log"))[0] == wanted

        await eventually(lambda: code(429))
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)
        await eventually(lambda: code(200), seconds=25)  # they had asked for thirty


@pytest.mark.lxc
async def test_as_pid_1_it_reaps_obeys_sigterm_and_leaves_nothing(tmp_path: Path, store: StoreServer) -> None:
    before = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    async with agent_beside(tmp_path, store, before=before) as client:
        inner = next(iter(children(client.process.pid)))
        await client.run()
        await client.type("daemon")
        await client.said("daemon")

        async def settled() -> set[int] | None:  # the shell that made the orphan has ended
            return found if len(found := descendants(inner)) == 3 else None

        inside = await eventually(settled)
        await client.type("crash 4")

        async def again() -> bool:
            return (await client.status())["crashCount"] == 1 and len(descendants(inner)) == 2

        await eventually(again)  # the orphan of the first life is gone and reaped
        os.kill(inner, signal.SIGTERM)
        assert await asyncio.wait_for(client.process.wait(), 60) == 0
        assert not any(alive(pid) for pid in inside)


async def test_an_idle_agent_takes_at_most_45_mb(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store) as client:
        await client.run()
        for _ in range(20):
            await client.status()
        resident = Path(f"/proc/{client.process.pid}/status").read_text().split("VmRSS:")[1].split()[0]
        assert int(resident) <= 45_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"ZLH_AGENT_PORT": "none"}, "ZLH_AGENT_PORT must be a number"),
     ({"ZLH_AGENT_PORT": "6000"}, "ZLH_CODE_SERVER_PORT must not be"),
     ({"ZLH_AGENT_HOST": "203.0.113.1"}, "address")],
)  # fmt: skip
async def test_what_cannot_start_says_why_in_one_line(
    tmp_path: Path, store: StoreServer, changes: dict[str, str], reason: str
) -> None:
    code, out, err = await run(tmp_path, store, **changes)
    assert (code, out) == (2, "")
    assert reason in err.splitlines()[-1]


async def test_help_names_every_setting(tmp_path: Path, store: StoreServer) -> None:
    code, out, _ = await run(tmp_path, store, "--help")
    assert code == 0
    text = "".join(
        path.read_text() for path in (Path(__file__).parents[2] / "src/zpack/agent").rglob("settings.py")
    )
    names = {
        word for word in text.replace('"', " ").split() if word.startswith(("ZLH_", "ZPACK_", "ARTIFACT_"))
    }
    assert len(names) > 10
    assert [name for name in names if name not in out] == []


async def run(tmp: Path, store: StoreServer, *argv: str, **changes: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "zpack.agent", *argv),
        env={"PATH": os.environ["PATH"]} | environment(tmp, store, **changes),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), err.decode()
