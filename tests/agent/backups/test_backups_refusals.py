"""What is refused, and what a failure leaves behind: nothing (contract §4.2, §4.8)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.backups.ground import ended, fill, leftovers, made, picture, restored, without_settings
from tests.agent.bench import HERE, agent_here

from zpack.agent.backups.saving import is_said
from zpack.agent.backups.unpack import zstd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.agent.bench import Client, StoreServer

UNKNOWN = "20200101T000000Z-00000000"


@pytest.fixture
async def running(agent: Client) -> Client:
    await agent.run()
    fill(agent.folder)
    return agent


async def test_before_the_first_configuration_there_is_nothing_to_back_up(agent: Client) -> None:
    assert await agent.get("/game/backups") == (200, {"backups": []})
    code, body = await agent.post("/game/backups")
    assert (code, body["error"]) == (409, "not_configured")
    assert (await agent.post(f"/game/backups/restore?id={UNKNOWN}"))[0] == 404
    assert (await agent.call("DELETE", f"/game/backups/{UNKNOWN}"))[0] == 404
    assert not (agent.home / "backups").exists()


async def test_a_server_without_files_is_not_ready(running: Client) -> None:
    await running.post("/stop")
    shutil.rmtree(running.folder)
    code, body = await running.post("/game/backups")
    assert (code, body["error"]) == (503, "not_ready")


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/game/backups", {"label": "x" * 101}, (400, "invalid_label")),
        ("POST", "/game/backups", {"label": "a\nb"}, (400, "invalid_label")),
        ("POST", "/game/backups", {"label": 5}, (400, "invalid_label")),
        ("POST", "/game/backups", {"label": "\ud800"}, (400, "invalid_label")),
        ("POST", "/game/backups", [], (400, "invalid_label")),
        ("POST", "/game/backups?wait=-1", None, (400, "invalid_query")),
        ("POST", "/game/backups?wait=nan", None, (400, "invalid_query")),
        ("POST", "/game/backups?wait=x", None, (400, "invalid_query")),
        ("POST", "/game/backups/restore", None, (400, "invalid_query")),
        ("POST", "/game/backups/restore?id=a&id=b", None, (400, "invalid_query")),
        ("POST", "/game/backups/restore?id=../../x", None, (404, "backup_not_found")),
        ("DELETE", "/game/backups/..%2f..%2froot", None, (404, "backup_not_found")),
        ("DELETE", "/game/backups?id=..", None, (404, "backup_not_found")),
        ("DELETE", "/game/backups?id=.new-x", None, (404, "backup_not_found")),
        ("GET", f"/game/backups/{UNKNOWN}", None, (404, "backup_not_found")),
        ("GET", "/game/backups/operations/op-x", None, (404, "operation_not_found")),
        ("PUT", "/game/backups", None, (405, "method_not_allowed")),
    ],
)
async def test_bad_requests(agent: Client, method: str, path: str, body: Any, expected: Any) -> None:
    code, answer = await agent.call(method, path, body)
    assert (code, answer["error"]) == expected


@pytest.mark.seed("S62")
async def test_one_operation_at_a_time(running: Client) -> None:
    """While a server hesitates to save, everything that would change it is refused; looking is not."""
    backup = await made(running)
    running.behave(mute=True)
    await running.post("/restart")
    await running.reaches("running")
    begun = asyncio.create_task(running.post("/game/backups?wait=0"))
    code, body = await begun
    assert (code, body["operation"]["state"]) == (202, "running")
    for method, path in (
        ("POST", "/game/backups"),
        ("POST", f"/game/backups/restore?id={backup['id']}"),
        ("DELETE", f"/game/backups/{backup['id']}"),
        ("POST", "/restart"),
        ("POST", "/stop"),
    ):
        code, answer = await running.call(method, path)
        assert (code, answer["error"]) == (409, "operation_in_progress"), path
    status = await running.status()
    assert (status["operationInProgress"], status["operationType"]) == (True, "backup")
    assert status["operationMessage"].startswith("waiting until the server has saved")
    assert len((await running.get("/game/backups"))[1]["backups"]) == 1


async def test_nothing_begins_during_a_restore(running: Client) -> None:
    backup = await made(running)
    code, body = await running.post(f"/game/backups/restore?id={backup['id']}")
    assert code == 202
    for method, path in (
        ("POST", "/game/backups"),
        ("POST", f"/game/backups/restore?id={backup['id']}"),
        ("DELETE", f"/game/backups/{backup['id']}"),
        ("POST", "/restart"),
    ):
        assert (await running.call(method, path))[0] == 409, path
    assert (await ended(running, body["operation"]))["restored"] == backup


async def test_two_creates_at_once_make_one_backup(running: Client) -> None:
    answers = await asyncio.gather(*(running.post("/game/backups?wait=25") for _ in range(4)))
    assert sorted(code for code, _ in answers) == [201, 409, 409, 409]
    assert len((await running.get("/game/backups"))[1]["backups"]) == 1


@pytest.fixture
async def impatient(tmp_path: Path, store: StoreServer) -> AsyncIterator[Client]:
    """An agent that soon gives up waiting for its server's word."""
    games = tmp_path / "games"
    games.mkdir()
    text = (HERE / "games" / "scripted.toml").read_text()
    (games / "scripted.toml").write_text(text.replace("confirm_seconds = 20", "confirm_seconds = 0.5"))
    async with agent_here(tmp_path, store, ZLH_AGENT_GAMES_DIR=str(games)) as agent:
        yield agent


async def test_a_server_that_does_not_confirm_is_not_archived_and_saves_on(impatient: Client) -> None:
    impatient.behave(mute=True)
    await impatient.run()
    code, body = await impatient.post("/game/backups?wait=25")
    assert (code, body["error"]) == (503, "save_not_confirmed")
    assert (await impatient.get("/game/backups"))[1]["backups"] == []
    assert leftovers(impatient) == []
    assert (await impatient.status())["state"] == "running"


async def test_saving_goes_on_when_only_its_pause_was_not_confirmed(impatient: Client) -> None:
    impatient.behave(mute_for=["save-off"])
    await impatient.run()
    assert (await impatient.post("/game/backups?wait=25"))[1]["error"] == "save_not_confirmed"
    await impatient.said("did save-on")
    assert leftovers(impatient) == []


async def test_a_server_that_hangs_can_be_restored(impatient: Client) -> None:
    await impatient.run()
    await impatient.post("/stop")
    impatient.behave(mute=True)
    backup, before = await made(impatient), picture(impatient.folder)
    await impatient.post("/start")
    await impatient.reaches("running")
    result = await restored(impatient, backup["id"])
    assert (result["operation"]["state"], result["checkpoint"]["type"]) == ("succeeded", "checkpoint")
    assert without_settings(picture(impatient.folder)) == without_settings(before)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[12:00:00] [Server thread/INFO]: Saved the game", True),
        ("[12:00:00 INFO]: Saved the game", True),
        ("[12:00:00] [Server thread/INFO] [minecraft/MinecraftServer]: Saved the game", True),
        ("[12:00:00 INFO]: <Steve> Saved the game", False),
        ("[12:00:00 INFO]: * Steve Saved the game", False),
        ("[12:00:00 INFO]: [Steve] Saved the game", False),
        ("[12:00:00 INFO]: [Steve]: Saved the game!", False),
        ("Saved the game", False),
        ("> Saved the game", False),
    ],
)
def test_only_the_server_s_own_word_counts(line: str, said: bool) -> None:
    assert is_said(line, ("Saved the game",)) is said


async def test_the_oldest_go_and_each_kind_is_counted_by_itself(tmp_path: Path, store: StoreServer) -> None:
    keep = {"ZLH_AGENT_BACKUP_KEEP": "2", "ZLH_AGENT_BACKUP_KEEP_CHECKPOINTS": "1"}
    async with agent_here(tmp_path, store, **keep) as agent:
        await agent.run()
        await agent.post("/stop")
        ids = [(await made(agent))["id"] for _ in range(3)]
        first = (await restored(agent, ids[1]))["checkpoint"]["id"]
        again = await restored(agent, first)  # the checkpoint that is restored is not the one that goes
        listed = (await agent.get("/game/backups"))[1]["backups"]
        assert {each["id"] for each in listed} == {ids[1], ids[2], first, again["checkpoint"]["id"]}
        await restored(agent, ids[2])
        kinds = [each["type"] for each in (await agent.get("/game/backups"))[1]["backups"]]
        assert sorted(kinds) == ["checkpoint", "manual", "manual"]


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("ZLH_AGENT_BACKUP_MAX_MIB", "1", (413, "backup_too_large")),
        ("ZLH_AGENT_BACKUP_MIN_FREE_MIB", "90000000", (507, "disk_full")),
        ("ZLH_AGENT_BACKUP_SECONDS", "0.001", (503, "backup_failed")),
    ],
)
async def test_limits(tmp_path: Path, store: StoreServer, setting: str, value: str, expected: Any) -> None:
    async with agent_here(tmp_path, store, **{setting: value}) as agent:
        await agent.run()
        fill(agent.folder)
        code, body = await agent.post("/game/backups?wait=25")
        assert (code, body["error"]) == expected
        assert leftovers(agent) == []
        await agent.said("did save-on")


async def test_what_is_no_file_folder_or_link_is_left_out(running: Client) -> None:
    folder = running.folder / "world"
    os.mkfifo(folder / "pipe")
    (folder / "out").symlink_to("/etc")
    (folder / "out2").symlink_to("../../../../etc/passwd")
    (folder / "new\nline").write_text("x")
    (running.folder / "a\tb").mkdir()
    (running.folder / "a\tb" / "inside").write_text("x")
    (folder / "in").symlink_to("level.dat")
    backup = await made(running)
    assert backup["skipped"] == 5
    assert (await restored(running, backup["id"]))["operation"]["state"] == "succeeded"
    assert {path.name for path in folder.iterdir()} == {"level.dat", "region", "empty", "in"}


async def test_a_damaged_archive_is_refused_while_the_server_plays_on(running: Client) -> None:
    backup, pid = await made(running), running.game_pid()
    archive = running.home / "backups" / backup["id"] / "archive.tar.zst"
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    archive.write_bytes(content)
    before = picture(running.folder)
    result = await restored(running, backup["id"])
    assert result["operation"]["error"]["code"] == "backup_damaged"
    assert (picture(running.folder), running.game_pid()) == (before, pid)
    assert leftovers(running) == []
    assert (await running.status())["ready"]


async def test_a_damaged_record_is_no_backup_but_can_be_deleted(running: Client) -> None:
    backup = await made(running)
    (running.home / "backups" / backup["id"] / "backup.json").write_text("{")
    assert (await running.get("/game/backups"))[1]["backups"] == []
    assert (await running.post(f"/game/backups/restore?id={backup['id']}"))[0] == 404
    assert (await running.call("DELETE", f"/game/backups/{backup['id']}"))[0] == 200


async def test_another_world_s_backup_is_refused(running: Client) -> None:
    backup = await made(running)
    record = running.home / "backups" / backup["id"] / "backup.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"variant": "paper"}))
    code, body = await running.post(f"/game/backups/restore?id={backup['id']}")
    assert (code, body["error"]) == (409, "backup_of_another_server")


async def test_a_crashed_server_can_be_brought_back(running: Client) -> None:
    """That is what backups are for: the broken server need not run well, or at all."""
    backup, before = await made(running), picture(running.folder)
    running.behave(exit=3)
    await running.type("crash 1")
    await running.reaches("error")
    result = await restored(running, backup["id"])
    assert result["operation"]["state"] == "succeeded"
    await running.reaches("running")
    assert without_settings(picture(running.folder)) == without_settings(before)


async def test_a_workshop_that_cannot_be_made_leaves_the_server_alone(running: Client) -> None:
    backup = await made(running)
    (running.root / ".restore").write_text("in the way")
    before = without_settings(picture(running.folder))
    result = await restored(running, backup["id"])
    assert result["operation"]["state"] == "failed"
    assert without_settings(picture(running.folder)) == before
    assert (await running.status())["state"] == "running"


async def test_any_tar_can_open_it(running: Client, tmp_path: Path) -> None:
    backup = await made(running)
    archive = running.home / "backups" / backup["id"] / "archive.tar.zst"
    target = tmp_path / "by hand"
    with zstd.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        tar.extractall(target, filter="tar")
    found, kept = picture(target), picture(running.folder)
    assert {name: (v[0], v[2]) for name, v in found.items()} == {n: (v[0], v[2]) for n, v in kept.items()}
    assert {name: v[1] // 10**9 for name, v in found.items() if not v[0].startswith("l")} == {
        n: v[1] // 10**9 for n, v in kept.items() if not v[0].startswith("l")
    }


async def test_files_that_are_written_meanwhile_do_not_break_it(running: Client) -> None:
    busy = running.folder / "world" / "busy.db"
    busy.write_bytes(bytes(4 << 20))

    async def write() -> None:
        while True:
            with busy.open("r+b") as file:
                file.truncate(1 << 20)
                file.write(bytes(6 << 20))
            await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    try:
        backups = [await made(running) for _ in range(2)]
    finally:
        writing.cancel()
    for backup in backups:
        assert (await restored(running, backup["id"]))["operation"]["state"] == "succeeded"


async def test_an_agent_that_ends_meanwhile_leaves_nothing_half_done(
    tmp_path: Path, store: StoreServer
) -> None:
    async with agent_here(tmp_path, store) as agent:
        await agent.run()
        agent.behave(mute=True)
        await agent.post("/restart")
        await agent.reaches("running")
        await agent.post("/game/backups?wait=0")
    async with agent_here(tmp_path, store) as agent:
        assert leftovers(agent) == []
        operation = (await agent.get("/game/backups"))[1]["operation"]
        assert (operation["state"], operation["error"]["code"]) == ("failed", "interrupted")
