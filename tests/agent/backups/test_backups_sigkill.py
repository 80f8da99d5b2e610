"""SIGKILL at every step: afterwards the world is the one before or the one after, and nothing else is left."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import shutil
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tests.agent.backups.ground import fill, leftovers, made, picture, spoil, without_settings
from tests.agent.bench import agent_beside, agent_here, scripted_store

from zpack.agent.backups.record import Failed
from zpack.agent.backups.swap import Swap
from zpack.agent.faults import FaultPoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.agent.bench import Client

CREATE = [
    "backup:begun", "backup:archive-opened", "backup:one-file-in", "backup:archive-written", "backup:recorded",
    "backup:shelved", "backup:resumed",
]  # fmt: skip
RESTORE = [
    "restore:begun", "restore:one-item-out", "restore:unpacked", "restore:checkpointed", "restore:stopped",
    "restore:before-journal", "restore:journal-written", "restore:one-left", "restore:all-left",
    "restore:one-came", "restore:all-came", "restore:swapped",
]  # fmt: skip
LIVE = ["backup:flushed", "backup:paused"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A stopped server with one backup, changed since; copied by every test."""
    folder = tmp_path_factory.mktemp("prepared")

    async def prepare() -> dict[str, Any]:
        async with scripted_store().serving() as store, agent_here(folder, store) as agent:
            await agent.run()
            await agent.post("/stop")
            fill(agent.folder)
            after = picture(agent.folder)
            backup = await made(agent)
            spoil(agent.folder)
            return {"after": after, "before": picture(agent.folder), "id": backup["id"], "folder": folder}

    yield asyncio.run(prepare())
    shutil.rmtree(folder)


@pytest.fixture
def mine(prepared: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    for name in ("home", "root"):
        # A keeper that was ended by force leaves its socket, as it would in a real home; it cannot be copied.
        left = shutil.ignore_patterns("keeper.sock")
        shutil.copytree(prepared["folder"] / name, tmp_path / name, symlinks=True, ignore=left)
    return prepared


@contextlib.asynccontextmanager
async def killed(tmp: Path, point: str, *calls: tuple[str, str], **changes: str) -> AsyncIterator[Client]:
    """Let an agent die at ``point``, and yield the next one."""
    fault = {"ZPACK_KILL_AT": point, "ZPACK_KILL_MARKER": str(tmp / "marker")} | changes
    async with agent_beside(tmp, scripted_store(), **fault) as dying:
        assert dying.process
        if point in LIVE:
            await dying.reaches("running")
        with contextlib.suppress(aiohttp.ClientError):
            for method, path in calls:
                await dying.call(method, path)
        assert await asyncio.wait_for(dying.process.wait(), 60) == -9
    async with agent_here(tmp, scripted_store(), **changes) as agent:
        yield agent


async def last(agent: Client) -> dict[str, Any]:
    return (await agent.get("/game/backups"))[1]["operation"]


@pytest.mark.parametrize("point", CREATE)
async def test_killed_while_creating(tmp_path: Path, mine: dict[str, Any], point: str) -> None:
    async with killed(tmp_path, point, ("POST", "/game/backups?wait=25")) as agent:
        assert picture(agent.folder) == mine["before"]
        assert leftovers(agent) == []
        there = {each["id"] for each in (await agent.get("/game/backups"))[1]["backups"]}
        assert there - {mine["id"]} == (
            {(await last(agent))["backup"]} if point in {"backup:shelved", "backup:resumed"} else set()
        )
        assert (await last(agent))["state"] == ("succeeded" if len(there) > 1 else "failed")


@pytest.mark.parametrize("point", RESTORE)
async def test_killed_while_restoring(tmp_path: Path, mine: dict[str, Any], point: str) -> None:
    async with killed(tmp_path, point, ("POST", f"/game/backups/restore?id={mine['id']}")) as agent:
        came_about = RESTORE.index(point) >= RESTORE.index("restore:journal-written")
        assert (await last(agent))["state"] == ("succeeded" if came_about else "failed")
        assert picture(agent.folder) == mine["after" if came_about else "before"]
        assert leftovers(agent) == []
        assert (await agent.status())["state"] == "idle"


@pytest.mark.parametrize("point", LIVE)
async def test_killed_while_the_server_does_not_save(
    tmp_path: Path, mine: dict[str, Any], point: str
) -> None:
    should_run(tmp_path)
    async with killed(tmp_path, point, ("POST", "/game/backups?wait=25")) as agent:
        await agent.reaches("running")
        assert without_settings(picture(agent.folder)) == without_settings(mine["before"])
        assert leftovers(agent) == []


async def test_a_server_that_outlives_the_agent_saves_again(tmp_path: Path, mine: dict[str, Any]) -> None:
    should_run(tmp_path)
    kept = {"ZLH_AGENT_KEEP_WORKLOAD": "1"}
    async with killed(tmp_path, "backup:paused", ("POST", "/game/backups?wait=25"), **kept) as agent:
        await agent.reaches("running")
        await agent.said("did save-on")
        assert leftovers(agent) == []


def should_run(tmp: Path) -> None:
    state = tmp / "home" / "state" / "workload.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"desired": "running"}))


async def test_killed_while_deleting(tmp_path: Path, mine: dict[str, Any]) -> None:
    async with killed(tmp_path, "delete:renamed", ("DELETE", f"/game/backups/{mine['id']}")) as agent:
        assert (await agent.get("/game/backups"))[1]["backups"] == []
        assert leftovers(agent) == []
        assert list((agent.home / "backups").iterdir()) == []


class Dead(BaseException):
    """Stands for a death that nobody in the process can answer to."""


class Countdown(FaultPoint):
    """Dies at the n-th point, whichever it is."""

    left = 0
    death: BaseException = Dead()

    def reached(self, point: str) -> None:
        object.__setattr__(self, "left", self.left - 1)
        if self.left == 0:
            raise self.death


def test_a_death_between_any_two_renames_ends_before_or_after(tmp_path: Path) -> None:
    """Also when the one who repairs dies on the way: twice killed, then left alone."""
    target = tmp_path / "target"
    for first, second in product(range(1, 17), (1, 2, 4, 7)):
        swaps = [_swap(tmp_path, first), _swap(tmp_path, second), _swap(tmp_path, 0)]
        _put(swaps[0], target)
        with contextlib.suppress(Dead):
            swaps[0].carry_out("op", target, skip=("*.jar",), done=lambda: None)
        begun = (tmp_path / "journal.json").exists() or _content(target) != OLD
        with contextlib.suppress(Dead):
            swaps[1].recover()
        swaps[2].recover()
        assert _content(target) == (NEW if begun else OLD), (first, second)
        assert not (tmp_path / "journal.json").exists()
        assert not (tmp_path / "shop").exists()


def test_whatever_rename_the_system_refuses_all_are_put_back(tmp_path: Path) -> None:
    target = tmp_path / "target"
    for refused in range(1, 12):
        swap = _swap(tmp_path, refused, OSError(errno.EIO, "Input/output error"))
        _put(swap, target)
        with pytest.raises(Failed, match="Input/output error"):
            swap.carry_out("op", target, skip=("*.jar",), done=lambda: None)
        assert _content(target) == OLD
        assert not (tmp_path / "journal.json").exists()


OLD = {"a": "old", "b": "old", "c": "old", "late": "old"}
NEW = {"a": "new", "b": "new", "d": "new"}


def _put(swap: Swap, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    swap.prepare()
    for folder, files in ((target, OLD), (target, {"kept.jar": "kept"}), (swap.new, NEW)):
        for name, content in files.items():
            (folder / name).write_text(content)


def _content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.name != "kept.jar"}


def _swap(tmp: Path, left: int, death: BaseException | None = None) -> Swap:
    fault = Countdown()
    object.__setattr__(fault, "left", left)
    object.__setattr__(fault, "death", death or Dead())
    return Swap(journal=tmp / "journal.json", workshop=tmp / "shop", fault=fault)


def test_without_both_variables_nobody_dies(tmp_path: Path) -> None:
    assert FaultPoint.from_environment({"ZPACK_KILL_AT": "x"}) == FaultPoint()
    planted = FaultPoint.from_environment({"ZPACK_KILL_AT": "x", "ZPACK_KILL_MARKER": str(tmp_path / "m")})
    replace(planted, at="y").reached("x")
    (tmp_path / "m").write_text("died before")
    planted.reached("x")
