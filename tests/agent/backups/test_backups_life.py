"""Made, listed, restored, deleted, with a server that really runs (contract §4.8, §9.1)."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from tests.agent.backups.ground import (
    ended,
    fill,
    leftovers,
    made,
    picture,
    restored,
    spoil,
    without_settings,
)

if TYPE_CHECKING:
    from tests.agent.bench import Client


async def lines(agent: Client) -> list[str]:
    _, body = await agent.get("/console/log")
    return [each["line"] for each in body["lines"]]


@pytest.fixture
async def running(agent: Client) -> Client:
    """An agent whose server runs, with a world."""
    await agent.run()
    fill(agent.folder)
    return agent


@pytest.mark.seed("S58")
async def test_a_live_backup_flushes_pauses_archives_and_resumes(running: Client) -> None:
    backup = await made(running, label="before the party")
    assert (backup["type"], backup["label"]) == ("manual", "before the party")
    await running.said("did save-on")
    typed = [line[2:] for line in await lines(running) if line.startswith("> save")]
    assert typed == ["save-all flush", "save-off", "save-on"]
    assert leftovers(running) == []


@pytest.mark.seed("S57")
async def test_the_list_is_newest_first_and_canonical(running: Client) -> None:
    first, second = await made(running), await made(running)
    code, body = await running.get("/game/backups")
    assert (code, body["backups"]) == (200, [second, first])
    assert {"id", "createdAt", "sizeBytes", "type"} <= set(first)
    assert await running.get(f"/game/backups/{first['id']}") == (200, {"backup": first})


@pytest.mark.seed("S59", "S61")
async def test_a_restore_brings_back_every_byte_and_keeps_a_checkpoint(running: Client) -> None:
    before = picture(running.folder)
    backup = await made(running)
    spoil(running.folder)
    spoiled, pid = picture(running.folder), running.game_pid()
    code, body = await running.post(f"/game/backups/restore?id={backup['id']}")
    assert (code, body["restored"], body["operation"]["state"]) == (202, backup, "running")
    result = await ended(running, body["operation"])
    assert result["operation"]["state"] == "succeeded"
    assert result["checkpoint"]["type"] == "checkpoint"
    assert without_settings(picture(running.folder)) == without_settings(before)
    assert (running.folder / "logs" / "latest.log").read_text() == "not kept"
    status = await running.reaches("running")
    assert (status["ready"], status["crashCount"]) == (True, 0)
    assert running.game_pid() != pid
    assert (await restored(running, result["checkpoint"]["id"]))["operation"]["state"] == "succeeded"
    back = picture(running.folder)
    assert back["world/level.dat"] == spoiled["world/level.dat"]
    assert back["later.txt"] == spoiled["later.txt"]
    assert leftovers(running) == []


@pytest.mark.seed("S60")
@pytest.mark.parametrize("by_query", [False, True])
async def test_delete_removes_it_from_the_list_and_the_disk(running: Client, by_query: bool) -> None:
    backup = await made(running)
    path = f"/game/backups?id={backup['id']}" if by_query else f"/game/backups/{backup['id']}"
    assert await running.call("DELETE", path) == (200, {"deleted": True, "id": backup["id"]})
    assert (await running.get("/game/backups"))[1]["backups"] == []
    assert list((running.home / "backups").iterdir()) == []
    assert (await running.call("DELETE", path))[0] == 404


async def test_a_stopped_server_is_backed_up_and_stays_stopped_after_a_restore(running: Client) -> None:
    await running.post("/stop")
    before = picture(running.folder)
    backup = await made(running)
    spoil(running.folder)
    assert (await restored(running, backup["id"]))["operation"]["state"] == "succeeded"
    assert picture(running.folder) == before
    assert (await running.status())["state"] == "idle"
    assert "> save-off" not in await lines(running)


async def test_backups_are_for_the_agent_s_own_eyes(running: Client) -> None:
    backup = await made(running)
    folder = running.home / "backups"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(f.stat().st_mode) & 0o077 == 0 for f in (folder, folder / backup["id"]))
